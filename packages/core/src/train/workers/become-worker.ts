import type { Member } from '../../cluster/member';
import { AddressTaken, enableCollectives } from '../../runtime/cluster';
import { tf } from '../../runtime/tensorflow';

const begun = new WeakSet<Member>();

/**
 * Starts TensorFlow's server for a worker that is still by itself. To be called before the process's first program, whose
 * variables would otherwise be lost.
 */
export async function becomeWorker(member: Member): Promise<void> {
  if (begun.has(member)) return;
  begun.add(member);
  tf.backend();
  for (let tries = 1; ; tries++) {
    const { task, address } = member;
    try {
      enableCollectives({ generation: byItself, members: [{ task, address }] }, task);
      return;
    } catch (error) {
      if (!(error instanceof AddressTaken) || tries === mostPorts) throw error;
      await member.otherPort();
    }
  }
}

/** A generation that the coordinator never gets to. */
const byItself = 2 ** 31 - 1;
const mostPorts = 5;
