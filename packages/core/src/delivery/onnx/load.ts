import { loadAlone } from '../engine/start';
import type { LoadedModel } from '../format';
import { startOnnx } from './engine';

export const loadOnnx = async (path: string): Promise<LoadedModel> => loadAlone(startOnnx(), path);
