import { join } from 'node:path';
import type { BackboneDefinition } from './backbone';
import { definitionsIn } from './definitions';
import type { HeadDefinition } from './head';

export const backbones = definitionsIn<BackboneDefinition>(join(__dirname, 'backbones'), 'backbone');
export const heads = definitionsIn<HeadDefinition>(join(__dirname, 'heads'), 'head');
