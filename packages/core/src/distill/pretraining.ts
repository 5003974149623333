/** Which variables a method's pretraining moves, by their full names. */
import { partOf } from '../nn/network-parts';
import type { Scope } from '../nn/scope';

/** The student's backbone, and what the method learns in `scope`: all but the classifier. */
export function backboneAnd(scope: Scope): (name: string) => boolean {
  const own = partsOf(scope);
  const isHeads = (name: string) => ['head', 'teacher_head', 'teacher_space'].includes(partOf(name));
  return (name) => own(name) || (name.startsWith('student/') && !isHeads(name));
}

/** What the method learns in `scope`. */
export function partsOf({ fullName }: Scope): (name: string) => boolean {
  return (name) => name.startsWith(`${fullName}.`);
}
