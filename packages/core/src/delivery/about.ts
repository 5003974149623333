import type { Card } from 'headshare-student/card';
import type { ModelFile } from './format';

export const aboutName = 'about.json';

/** The card beside a model that is a folder. */
export const aboutFile = (card: Card): ModelFile => ({
  path: aboutName,
  parts: [`${JSON.stringify(card, null, 2)}\n`],
});
