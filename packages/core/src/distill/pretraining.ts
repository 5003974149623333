/** The variables that a method's pretraining moves, by their full names. */
import { partOf } from '../nn/network-parts';
import type { Scope } from '../nn/scope';

/** The student without its classifier, and the method's modules in `scope`. */
export function backboneAnd(scope: Scope): (name: string) => boolean {
  const own = partsOf(scope);
  const isHeads = (name: string) => ['head', 'teacher_head', 'teacher_space'].includes(partOf(name));
  return (name) => own(name) || (name.startsWith('student/') && !isHeads(name));
}

/** The method's modules in `scope`. */
export function partsOf({ fullName }: Scope): (name: string) => boolean {
  return (name) => name.startsWith(`${fullName}.`);
}
