/** Which variables a method's pretraining moves, by their full names. */
import type { Scope } from '../nn/scope';

/** The student's backbone, and what the method learns in `scope`: all but the classifier. */
export function backboneAnd(scope: Scope): (name: string) => boolean {
  const own = partsOf(scope);
  return (name) => own(name) || /^student\/(?!(teacher_)?head\.|teacher_space\.)/.test(name);
}

/** What the method learns in `scope`. */
export function partsOf({ fullName }: Scope): (name: string) => boolean {
  return (name) => name.startsWith(`${fullName}.`);
}
