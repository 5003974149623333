import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { networkResults } from '@headshare/core/delivery/network-graph';
import { buildNetwork, type NetworkDescription } from '@headshare/core/nn/network';
import { State } from '@headshare/core/runtime/state';
import { environmentPython, mlflowFolder } from '@headshare/core/tracking/sync/local-server';
import { writeCheckpoint } from '@headshare/core/train/checkpoint';
import { readNetwork } from '@headshare/core/train/networks/load-network';
import { writeServedModel } from './served-model';
import { servingPackages } from './serving-packages';

const root = resolve(__dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'headshare-serve-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const description: NetworkDescription = { backbone: 'resnet8', head: 'linear', inputSize: 16, width: 0.5, classes: 4 };
const checkpoint = join(folder, 'last.safetensors');
/** Undefined where the packages cannot be installed. */
let packages: string | undefined;

beforeAll(async () => {
  const state = new State();
  const network = buildNetwork(state, 'net', description, 1);
  writeCheckpoint(checkpoint, { tensors: network.weights(), metadata: { network: description } });
  state.dispose();
  packages = await servingPackages(mlflowFolder, AbortSignal.timeout(180_000), () => undefined).catch((error) => {
    console.warn(`Skipped, as Python's onnxruntime is missing: ${error.message}`);
    return undefined;
  });
}, 200_000);

interface Request {
  readonly inputs: { readonly image: readonly (readonly (readonly (readonly number[])[])[])[] };
}

/** What the network itself says of an example request. */
function expected({ inputs }: Request): Readonly<Record<string, Float32Array>> {
  const pictures = Uint8Array.from(inputs.image.flat(3));
  return networkResults(
    readNetwork(checkpoint),
    { input: 'bytes', outputs: ['logits', 'probabilities'], mirror: false, teacherSpace: false },
    pictures,
  );
}

function expectEqual(answer: Readonly<Record<string, readonly number[][]>>, request: Request): void {
  for (const [name, values] of Object.entries(expected(request))) {
    const flat = answer[name]?.flat() ?? [];
    expect([name, flat.length]).toEqual([name, values.length]);
    for (const [i, value] of values.entries()) expect(flat[i]).toBeCloseTo(value, 4);
  }
}

test('Python loads the model by MLflow alone, with the same numbers', async () => {
  if (!packages) return;
  const model = join(folder, 'model');
  mkdirSync(model);
  const { example } = await writeServedModel(checkpoint, model, root);
  const code = `
import json, sys, numpy as np, mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
image = np.array(json.load(open(sys.argv[2]))["inputs"]["image"], dtype=np.uint8)
print(json.dumps({name: rows.tolist() for name, rows in model.predict({"image": image}).items()}))`;
  const python = environmentPython(mlflowFolder) as string;
  const env = { ...process.env, PYTHONPATH: packages };
  const answer = execFileSync(python, ['-c', code, model, example], { env, encoding: 'utf8', stdio: 'pipe' });
  expectEqual(JSON.parse(answer), JSON.parse(readFileSync(example, 'utf8')));
}, 120_000);

test('tools:serve prints a request that its server answers with the same numbers', async () => {
  if (!packages) return;
  const words = ['-r', './packages/core/register.cjs', 'tools/src/mlflow/serve.ts', `--run=${checkpoint}`, '--port=0'];
  const serve = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let printed = '';
    for await (const chunk of serve.stdout) {
      printed += chunk;
      if (printed.includes('curl ') && printed.endsWith('\n')) break;
    }
    const [, address = '', file = ''] = /curl (\S+) .*-d @(\S+)/.exec(printed) ?? [];
    const body = readFileSync(file, 'utf8');
    const response = await fetch(address, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect(response.status).toBe(200);
    expectEqual((await response.json()).predictions, JSON.parse(body));
  } finally {
    const ended = once(serve, 'exit');
    serve.kill('SIGINT');
    await ended;
  }
}, 120_000);
