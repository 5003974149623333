import { join, resolve } from 'node:path';
import { type Card, inputForms, outputNames } from 'headshare-student/card';
import { shownDifference } from '../delivery/export-network';
import type { Format } from '../delivery/format';
import { usualOutputs } from '../delivery/make-card';
import { formats } from '../delivery/registry';
import { type WeightType, weightTypes } from '../delivery/weights';
import { asyncCommand } from '../experiment/command';
import { file, flag, integer, list, oneOf, optional, text } from '../experiment/option';
import { stateDictOption } from '../experiment/state-dict-option';
import { externalNormalisation, externalNormalisationOption } from '../recipes/normalisation-options';
import { terminalTable } from '../report/terminal-table';
import { sizeWords } from '../system/image-size';
import { UserError } from '../system/user-error';
import { type CalibrationRequest, checkCalibration, ofRun } from './calibration';
import { exportModel } from './export-model';
import { findSource } from './source';
import { exportWeights } from './state-dict';
import { formatOf, requireFree } from './target';

const folders = formats.all.filter(({ ending }) => ending === '/').map(({ name }) => name);
const endings = formats.all.map(({ ending }) => ending).filter((ending) => ending !== '/');

export const main = asyncCommand(
  {
    summary: 'Write a network for other programs: as a model that runs elsewhere, or as weights for PyTorch',
    usage: 'core:export --from=RUN --to=student.onnx',
    maxWords: 0,
    options: {
      from: text({
        placeholder: 'RUN',
        valid: "a run's folder, key or MLflow id, or a file of weights",
        help: "a run's folder, key or MLflow id, or a checkpoint or other file of weights",
      }),
      to: text({
        placeholder: 'PATH',
        valid: `where to write, ending in ${[...endings, '.pth', '.pt'].join(', ')} or .safetensors, or a folder`,
        help: `a model (${endings.join(', ')}, or a folder), or PyTorch's weights (.pth, .pt, .safetensors)`,
      }),
      format: optional(
        oneOf(formats.names, '', { help: `what to write into a folder: ${folders.join(', ')}` }),
        "the ending's",
      ),
      weights: oneOf(weightTypes, 'float32', { help: 'how a model stores its weights' }),
      calibrate: optional(
        text({
          placeholder: 'DATA',
          valid: `${ofRun} or a folder of pictures`,
          help: `int8 activations too, their ranges from pictures: ${ofRun} (its training data) or a folder`,
        }),
        'float32 activations',
      ),
      calibratePictures: integer({ default: 512, min: 1, help: 'the most pictures for --calibrate' }),
      judge: optional(flag({ help: "the task's accuracy of network and model" }), 'yes for int8'),
      input: oneOf(inputForms, 'bytes', {
        help: 'bytes [batch, h, w, 3]; floats [batch, 3, h, w]: pixels-nchw (insightface), normalised-nchw',
      }),
      outputs: optional(
        list(oneOf(outputNames, 'embedding', { help: '' }), { help: "a model's outputs" }),
        'embedding for faces, logits,probabilities',
      ),
      mirror: flag({ help: 'embed picture and mirror image together: one embedding of length 1' }),
      teacherSpace: flag({ help: "map the embedding to the teacher's space, where the student learned a map" }),
      stateDict: stateDictOption(),
      normalisation: externalNormalisationOption('normalisation of weights from elsewhere'),
      verify: optional(file({ help: '.npz of inputs and outputs that the network must give (docs/networks.md)' })),
      force: flag({ help: 'replace what is there' }),
    },
  },
  async (
    {
      from,
      to,
      force,
      format: wanted,
      weights,
      calibrate: data,
      calibratePictures: most,
      judge,
      outputs,
      stateDict,
      verify,
      normalisation,
      ...graph
    },
    _,
    print,
  ) => {
    const format = formatOf(to, wanted);
    const calibrate = data === undefined ? undefined : { from: data, most };
    if (format) requireWeights(format, weights, calibrate);
    else if (weights !== 'float32' || calibrate || judge) {
      throw new UserError(
        `--to: ${to} takes float32 weights alone: write a model for --weights, --calibrate and --judge`,
      );
    }
    requireFree(to, format?.ending === '/', force);
    const root = resolve(join(__dirname, '../../../..'));
    const source = await findSource(from, root, {
      stateDict,
      verify,
      onNote: print,
      headless: true,
      ...externalNormalisation(normalisation),
    });
    const { network } = source;
    if (!format) {
      exportWeights(to, network, print);
      return;
    }
    const { head, teacherSpace, backbone, inputSize } = network.description;
    if (graph.teacherSpace && teacherSpace === undefined) {
      throw new UserError(`--teacher-space: ${network.file} learned no map to the space of a teacher`);
    }
    const options = { ...graph, outputs: outputs ?? (network.lacksHead ? ['embedding'] : usualOutputs(head)) } as const;
    if (network.lacksHead) {
      const other = options.outputs.find((output) => output !== 'embedding');
      if (other)
        throw new UserError(`--outputs=${other}: ${network.file} has no classifier; --outputs=embedding needs none`);
      print(`${network.file} has no classifier: its embedding alone is exported`);
    }
    const request = { source, to, format, options, weights, calibrate, judge, root };
    const { bytes, difference, pictures, card, judgement } = await exportModel(request);
    print(
      `${to}: ${backbone} for images of ${sizeWords(inputSize)} pixels, ${options.outputs.join(' and ')}, ${bytes} bytes`,
    );
    print(
      `Largest difference from the network's own ${difference.output}: ${shownDifference(difference)}, on ${pictures}`,
    );
    if (typeof judgement === 'string') print(`Not judged: ${judgement}`);
    else if (judgement) {
      print(terminalTable(judgement));
      if (card.thresholds && !card.mirror) {
        print('Measures of the table: picture and mirror image together, as training measures');
        print('Thresholds below: the picture alone, as this model embeds it (with --mirror: both together)');
      }
    }
    for (const line of cardLines(card)) print(line);
  },
);

/** @throws UserError for number types that a format does not store */
function requireWeights(format: Format, weights: WeightType, calibrate: CalibrationRequest | undefined): void {
  if (!format.weights.includes(weights)) {
    throw new UserError(`--weights=${weights}: ${format.name} stores ${format.weights.join(' or ')}`);
  }
  if (!calibrate) return;
  if (weights !== 'int8') throw new UserError(`--calibrate makes activations int8: add --weights=int8`);
  if (!format.storesActivations) {
    const able = formats.all.filter(({ storesActivations }) => storesActivations).map(({ name }) => name);
    throw new UserError(`--calibrate: ${format.name} stores float32 activations; ${able.join(' and ')} can store int8`);
  }
  checkCalibration(calibrate);
}

/** What of a card a user wants to see at once. */
function* cardLines({ thresholds, caution }: Card): Generator<string> {
  const of = thresholds?.of === 'float32' ? ' (of the float32 network; --judge measures this model)' : '';
  for (const [title, all] of [
    ['Same person', thresholds?.own],
    ["Same person as the teacher's embedding", thresholds?.teacher],
  ] as const) {
    const shown = all?.filter(({ measurable }) => measurable) ?? [];
    const rates = shown.map(({ far, threshold }) => `${threshold.toFixed(4)} at a false accept rate of ${far}`);
    if (rates.length > 0) yield `${title}: a cosine of at least ${rates.join(', ')}${of}`;
  }
  if (caution !== undefined) yield `Caution: ${caution}`;
}

if (require.main === module) {
  main(process.argv.slice(2), console.log).then((exitCode) => {
    process.exitCode = exitCode;
  });
}
