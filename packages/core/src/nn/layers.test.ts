import { State } from '../runtime/state';
import { zeros } from './initialisers';
import { linear } from './layers';
import { Scope } from './scope';

const scope = () => Scope.root(new State(), 'method', 1).child('translator');

test.each([undefined, Number.NaN, 0, 2.5])('a linear layer refuses %s inputs by name', (inputs) => {
  expect(() => linear(scope(), { inputs: inputs as number, outputs: 4 })).toThrow(
    `method/translator: linear needs a whole number from 1 on as \`inputs\`, got ${inputs}.`,
  );
});

test('a variable of an undefined size is refused by its name', () => {
  expect(() => scope().weight('weight', [3, undefined as unknown as number], zeros)).toThrow(
    'The variable method/translator.weight must have sizes of whole numbers from 1 on, got [3, undefined].',
  );
});
