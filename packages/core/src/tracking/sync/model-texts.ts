/** The small files that describe a logged model to MLflow. */
import type { LoggedNetwork, TensorSpec } from '../journal/event';

/** Tensors in the form of MLflow's `Schema.to_json`. */
export const schemaJson = (tensors: readonly TensorSpec[]): string =>
  JSON.stringify(tensors.map(({ name, dtype, shape }) => ({ name, type: 'tensor', 'tensor-spec': { dtype, shape } })));

/** What Python needs to load the ONNX file as MLflow's flavours `onnx` and `python_function`. */
export const servingRequirements = ['mlflow>=3', 'onnx==1.23.2', 'onnxruntime==1.32.0'];

/** Any Python that has wheels of the requirements will do. */
const pythonVersion = '3.12';

interface Mapping {
  readonly [key: string]: string | null | Mapping | readonly (string | Mapping)[];
}

/**
 * The file `MLmodel`, and those of the environment that it names, by their names. The flavour `headshare` names the
 * checkpoint that `core:export` and the experiments' options read; `onnx` and `python_function` are MLflow's own.
 * @param place the model's folder and ids
 * @param time of logging, in milliseconds since 1970
 */
export function modelTexts(
  { artifact_path, ...ids }: Readonly<Record<string, string | undefined>>,
  network: Pick<LoggedNetwork, 'checkpoint' | 'servable' | 'inputs' | 'outputs' | 'inputExample'>,
  time: number,
): readonly (readonly [name: string, text: string])[] {
  const { checkpoint, servable, inputs, outputs, inputExample } = network;
  const model = yaml({
    artifact_path: artifact_path ?? '',
    flavors: { headshare: { checkpoint }, ...(servable !== undefined && pythonFlavours(servable)) },
    ...(Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== undefined)) as Mapping),
    ...(inputExample !== undefined && {
      saved_input_example_info: { artifact_path: inputExample, type: 'ndarray' },
    }),
    signature: { inputs: schemaJson(inputs), outputs: schemaJson(outputs), params: null },
    // The form of Python's str() of a UTC time.
    utc_time_created: new Date(time).toISOString().replace('T', ' ').replace('Z', '000'),
  });
  if (servable === undefined) return [['MLmodel', model]];
  return [
    ['requirements.txt', servingRequirements.map((line) => `${line}\n`).join('')],
    [
      'python_env.yaml',
      yaml({ python: pythonVersion, build_dependencies: ['pip'], dependencies: ['-r requirements.txt'] }),
    ],
    [
      'conda.yaml',
      yaml({
        name: 'mlflow-env',
        channels: ['conda-forge'],
        dependencies: [`python=${pythonVersion}`, 'pip', { pip: servingRequirements }],
      }),
    ],
    // Last: a model that has it is whole.
    ['MLmodel', model],
  ];
}

const pythonFlavours = (file: string): Mapping => ({
  onnx: {
    code: null,
    data: file,
    onnx_session_options: null,
    onnx_version: '1.23.2',
    providers: ['CPUExecutionProvider'],
  },
  python_function: {
    data: file,
    env: { conda: 'conda.yaml', virtualenv: 'python_env.yaml' },
    loader_module: 'mlflow.onnx',
    python_version: pythonVersion,
  },
});

/** A mapping in PyYAML's block style; JSON strings are valid YAML. */
function yaml(mapping: Mapping, indent = ''): string {
  return Object.entries(mapping)
    .map(([key, value]) => {
      if (Array.isArray(value)) return `${indent}${key}:\n${value.map((item) => listItem(item, indent)).join('')}`;
      return typeof value === 'object' && value !== null
        ? `${indent}${key}:\n${yaml(value as Mapping, `${indent}  `)}`
        : `${indent}${key}: ${JSON.stringify(value)}\n`;
    })
    .join('');
}

function listItem(item: string | Mapping, indent: string): string {
  if (typeof item === 'string') return `${indent}- ${JSON.stringify(item)}\n`;
  return `${indent}- ${yaml(item, `${indent}  `).trimStart()}`;
}
