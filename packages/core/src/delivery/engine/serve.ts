/** The side of an engine's process: see start.ts. */
import type { LoadedModel } from '../format';
import type { EngineAnswer, EngineTask } from './start';

/** Answers tasks for models, which `open` loads. */
export function serve(open: (path: string) => Promise<LoadedModel>): void {
  const models = new Map<string, Promise<LoadedModel>>();

  async function work({ path, input }: EngineTask): Promise<Readonly<Record<string, Float32Array>>> {
    const opened = models.get(path) ?? open(path);
    models.set(path, opened);
    const model = await opened;
    if (input) return model.run(input);
    models.delete(path);
    await model.close();
    return {};
  }

  const answer = (message: EngineAnswer): void => {
    process.send?.(message);
  };
  process.on('message', async (task: EngineTask) => {
    try {
      answer({ id: task.id, outputs: await work(task) });
    } catch (error) {
      answer({ id: task.id, error: String((error as Partial<Error>)?.message ?? error) });
    }
  });
  // The parent process may have ended.
  process.on('disconnect', () => process.exit());
}
