import { inputLayouts, type StudentCard, studentOutputs } from './card';

/**
 * Reads a card from its JSON.
 * @throws Error in one sentence if it is not a card, or of a later version than this package knows
 */
export function parseCard(text: string): StudentCard {
  let card: Partial<StudentCard>;
  try {
    card = JSON.parse(text);
  } catch {
    throw new Error('The card in this file is not JSON: the file is damaged');
  }
  if (card?.version !== 1) {
    throw new Error(`The card in this file has version ${card?.version}; this package reads version 1`);
  }
  const { task, input, outputs, preparation } = card;
  const wrong =
    (task !== 'classification' && task !== 'verification' && 'task') ||
    (!(input && input.height > 0 && input.width > 0 && inputLayouts.includes(input.layout)) && 'input') ||
    (!(Array.isArray(outputs) && outputs.every((one) => studentOutputs.includes(one))) && 'outputs') ||
    (!(preparation?.kind === 'centre-crop' || preparation?.kind === 'aligned-face') && 'preparation');
  if (wrong) throw new Error(`The card in this file has no valid "${wrong}": the file is damaged`);
  return card as StudentCard;
}
