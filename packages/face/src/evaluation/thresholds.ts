import type { Threshold, Thresholds } from 'headshare-student/card';
import { type EmbeddedImages, type LabelledPairs, type PairScores, pairScores } from './pair-distances';
import { readablePairs } from './readable-pairs';
import { rocCurve, tarAtFar } from './roc';
import { reportedFars } from './verification';

export interface ThresholdsOf {
  /** The data, for the card. */
  readonly data: string;
  readonly pairs: LabelledPairs;
  readonly own: EmbeddedImages;
  /** The same images embedded by the teacher. */
  readonly gallery: EmbeddedImages | undefined;
  /** Whether image and mirror image count together. */
  readonly mirror: boolean;
}

/**
 * The thresholds of cosines at false accept rates, on labelled pairs: both images embedded by a network, and one of them by its
 * teacher where the gallery has embeddings of the same size.
 * @throws RangeError as `pairScores` and `rocCurve` do
 */
export function measureThresholds({ data, pairs: all, own, gallery, mirror }: ThresholdsOf): Thresholds {
  const pairs = readablePairs(all, own, ...(gallery ? [gallery] : []));
  const [ours, theirs] = [seen(own, mirror), gallery && seen(gallery, mirror)];
  const alone = thresholdsAt(pairScores(ours, ours, pairs), pairs);
  const isComparable = theirs && theirs.dimension === ours.dimension;
  return {
    data,
    pairs: { genuine: alone.genuine, impostor: alone.impostor },
    mirror,
    own: alone.thresholds,
    // Either image of a pair can be the gallery's.
    ...(isComparable && {
      teacher: thresholdsAt(joined(pairScores(theirs, ours, pairs), pairScores(ours, theirs, pairs)), {
        same: [...Array.from(pairs.same), ...Array.from(pairs.same)],
      }).thresholds,
    }),
  };
}

const seen = ({ embeddings, flipped, dimension }: EmbeddedImages, mirror: boolean): EmbeddedImages =>
  mirror && flipped ? { embeddings, flipped, dimension } : { embeddings, dimension };

const joined = (a: PairScores, b: PairScores): Pick<PairScores, 'cosine'> => ({
  cosine: Float64Array.from([...a.cosine, ...b.cosine]),
});

function thresholdsAt({ cosine }: Pick<PairScores, 'cosine'>, { same }: Pick<LabelledPairs, 'same'>) {
  const roc = rocCurve(cosine, same);
  const points = Object.entries(tarAtFar(roc, reportedFars));
  const thresholds = points.map(([far, point]): Threshold => ({ far: Number(far), ...point }));
  const { genuine, impostor } = roc;
  // The point at which no pair passes has no threshold.
  return { genuine, impostor, thresholds: thresholds.filter(({ threshold }) => Number.isFinite(threshold)) };
}
