/** Exports a network with what its run knows: pictures to try it on, thresholds, names of classes. */
import type { Card } from 'headshare-student/card';
import { type Calibration, type Exported, exportNetwork, type NetworkExport } from '../delivery/export-network';
import { type CardFacts, makeCard } from '../delivery/make-card';
import type { WeightType } from '../delivery/weights';
import type { Table } from '../report/table';
import { sides } from '../system/image-size';
import { UserError } from '../system/user-error';
import type { Task } from '../train/evaluation/task';
import { type CalibrationRequest, calibrationOf } from './calibration';
import { factsOf } from './facts';
import { judge, judgementTable, notJudged } from './judge';
import { dataOf, noise, picturesOf } from './pictures';
import type { Source } from './source';
import { galleryOf } from './thresholds';

export interface ExportRequest extends Pick<NetworkExport, 'options' | 'weights' | 'format' | 'to'> {
  readonly source: Source;
  /** The workspace's folder. */
  readonly root: string;
  /** The pictures for activations in 8 bits. */
  readonly calibrate?: CalibrationRequest | undefined;
  /** Whether the task measures network and model; by default where weights are int8 and the run's data are here. */
  readonly judge?: boolean | undefined;
}

export interface ExportedModel extends Exported {
  readonly card: Card;
  /** The pictures that it was tried on: `8 pictures of faces-train`. */
  readonly pictures: string;
  /** The task's measures of network and model, or why there are none; absent where nobody asked. */
  readonly judgement?: Table | string;
}

/** @throws UserError when the model cannot be written, or differs from the network */
export async function exportModel({ source, root, calibrate, ...request }: ExportRequest): Promise<ExportedModel> {
  const { network } = source;
  const { options, weights } = request;
  const size = sides(network.description.inputSize);
  const task = await dataOf(source, root);
  const known = typeof task === 'string' ? undefined : task;
  try {
    const unjudged = reasonNotToJudge(task, request);
    const calibration = calibrate && (await calibrationOf(calibrate, task, size));
    const facts = { ...(await factsOf(source, known, options)), ...activationsOf(calibration) };
    const card = makeCard(network.description, { ...facts, ...ofFloat32(facts, weights) }, options, weights);
    let kept = card;
    const pictures = typeof task === 'string' ? noise(size, task) : await picturesOf(task);
    let judgement: Table | string | undefined = unjudged;
    const judged = known && wantsJudge(request) && unjudged === undefined ? known : undefined;
    const exported = await exportNetwork({
      ...request,
      network,
      card,
      pictures,
      calibration,
      judge:
        judged &&
        (async (model) => {
          const gallery = source.made && galleryOf(source.made, judged.usage?.verification);
          const found = await judge({ network, model, card, options, task: judged, gallery });
          judgement = judgementTable(found, judged);
          // The card of float32 has the network's own numbers.
          if (weights === 'float32') return undefined;
          kept = { ...card, measured: found.model, ...(found.thresholds && { thresholds: found.thresholds }) };
          return kept;
        }),
    });
    return { ...exported, card: kept, pictures: pictures.title, ...(judgement !== undefined && { judgement }) };
  } finally {
    await known?.close();
  }
}

type JudgeOptions = Pick<ExportRequest, 'judge' | 'weights' | 'options'>;

const wantsJudge = ({ judge: wanted, weights }: JudgeOptions): boolean => wanted ?? weights === 'int8';

/** @throws UserError where a judgement was asked for that is not possible */
function reasonNotToJudge(task: Task | string, request: JudgeOptions): string | undefined {
  if (!wantsJudge(request)) return undefined;
  const reason = typeof task === 'string' ? task : notJudged(task, request.options);
  if (reason !== undefined && request.judge) throw new UserError(`--judge: ${reason}`);
  return reason;
}

/** Marks thresholds that were measured on the network before its weights were rounded. */
const ofFloat32 = ({ thresholds }: CardFacts, weights: WeightType): Pick<CardFacts, 'thresholds'> =>
  thresholds && weights !== 'float32' ? { thresholds: { ...thresholds, of: 'float32' } } : {};

const activationsOf = (calibration: Calibration | undefined): Pick<Card, 'activations'> =>
  calibration ? { activations: { type: 'int8', pictures: calibration.title } } : {};
