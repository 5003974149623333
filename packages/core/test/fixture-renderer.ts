import type { CreateRenderer } from '../src/data/synthetic/renderer';

/** For tests: image i is filled with byte (i * step) % 256. `failAt` throws; `dieOnce` ends its thread, the first time. */
export const createRenderer: CreateRenderer<{ step: number; failAt?: number }> = ({ options }) => {
  return (index, target) => {
    if (index === options.failAt) throw new Error('no paint left');
    target.fill((index * options.step) % 256);
  };
};
