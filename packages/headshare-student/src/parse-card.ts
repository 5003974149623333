import { type Card, inputForms, outputNames } from './card';

/**
 * Reads a card from its JSON.
 * @throws Error in one sentence if it is not a card, or of a later version than this package knows
 */
export function parseCard(text: string): Card {
  let card: Partial<Card>;
  try {
    card = JSON.parse(text);
  } catch {
    throw new Error('The card in this file is not JSON: the file is damaged');
  }
  if (card?.version !== 1) {
    throw new Error(`The card in this file has version ${card?.version}; this package reads version 1`);
  }
  const { network, input, outputs } = card;
  const wrong =
    (!(network && typeof network.backbone === 'string') && 'network') ||
    (!(input && input.height > 0 && input.width > 0 && inputForms.includes(input.form) && input.preparation) &&
      'input') ||
    (!(Array.isArray(outputs) && outputs.every((one) => outputNames.includes(one))) && 'outputs');
  if (wrong) throw new Error(`The card in this file has no valid "${wrong}": the file is damaged`);
  return card as Card;
}
