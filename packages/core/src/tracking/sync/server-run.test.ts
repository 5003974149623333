import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect, fromKeyValues, getRun } from 'mlflow-js-client';
import { serverOfTests } from '../../../test/mlflow-server';
import { openJournal } from '../journal/journal';
import { journalTag, parentTag } from '../run-tags';
import { destinationOf } from './destination';
import { journalSync } from './journal-sync';

const server = serverOfTests();

/** Sends the journal of a run with these tags. Returns the id of the run on the server. */
async function send(id: string, tags: Readonly<Record<string, string>>) {
  const folder = join(server.folder, id);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'journal.jsonl');
  const journal = openJournal(file, (error) => {
    throw error;
  });
  journal.append({ time: 1, type: 'start', id, experiment: 'headshare/face', name: id });
  journal.append({ time: 2, type: 'tags', tags });
  journal.append({ time: 3, type: 'finish', status: 'FINISHED' });
  await journal.close();
  const sync = journalSync(file, destinationOf(server.uri));
  await sync.send(AbortSignal.timeout(20_000));
  return sync.state()?.runId ?? '';
}

async function tagsOf(run: string): Promise<Readonly<Record<string, string>>> {
  const { data } = await getRun(connect(server.uri), run);
  return fromKeyValues(data.tags);
}

test.each([
  ['after its parent', ['parent', 'child']],
  ['before its parent', ['child', 'parent']],
])(
  'a run that is sent %s becomes its child run in MLflow',
  async (name, order) => {
    const ids = { parent: `parent of one ${name}`, child: `child ${name}` };
    const sent: Record<string, string> = {};
    for (const who of order) {
      sent[who] = await send(ids[who as 'parent'], who === 'child' ? { [parentTag]: ids.parent } : {});
    }
    const child = await tagsOf(sent.child ?? '');
    expect(child).toMatchObject({
      [journalTag]: ids.child,
      [parentTag]: ids.parent,
      'mlflow.parentRunId': sent.parent,
    });
    expect(await tagsOf(sent.parent ?? '')).not.toHaveProperty(['mlflow.parentRunId']);
  },
  60_000,
);
