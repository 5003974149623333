import { join } from 'node:path';
import { definitionsIn } from '../nn/definitions';
import type { Format } from './format';

/** The formats of exported models. */
export const formats = definitionsIn<Format>(join(__dirname, 'formats'), 'format');
