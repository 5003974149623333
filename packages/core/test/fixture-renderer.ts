import type { CreateRenderer } from '../src/data/synthetic/renderer';

/** Fills image i with the byte (i * step) % 256; throws for image `failAt`. */
export const createRenderer: CreateRenderer<{ step: number; failAt?: number }> = ({ options }) => {
  return (index, target) => {
    if (index === options.failAt) throw new Error('no paint left');
    target.fill((index * options.step) % 256);
  };
};
