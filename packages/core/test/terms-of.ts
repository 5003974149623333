import { singleMethod } from '../src/distill/combine-methods';
import type { Method, MethodContext, MethodSettings, StepContext, Terms } from '../src/distill/method';

/** The terms of a method without learned modules or memories. */
export function termsOf(method: Method, step: StepContext, changed: Partial<MethodSettings> = {}): Terms {
  const nowhere = new Proxy({} as MethodContext, {
    get: (_, key) => {
      if (key === 'scope') return { child: () => nowhere };
      throw new Error(`${method.name} asks for the networks' ${String(key)}: build it for a pair of networks.`);
    },
  });
  return singleMethod(method, changed).build(nowhere).terms(step);
}
