import { join } from 'node:path';
import { definitionsIn } from '../nn/definitions';
import type { Method } from './method';

export const methods = definitionsIn<Method>(join(__dirname, 'methods'), 'method');
