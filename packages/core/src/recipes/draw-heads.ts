import { join } from 'node:path';
import { histogramChart } from '../report/histogram-chart';
import { drawPicture } from '../report/picture';
import { writeAtomically } from '../system/write-atomically';
import type { HeadAgreement } from '../train/networks/head-agreement';

/** A list of the cosines between a network's class vectors and its teacher's, by class. */
export const cosinesFile = 'head-cosines.json';

/**
 * Draws how a student's classifier agrees with its teacher's, class by class.
 * @returns the names of the files, in the folder
 */
export async function drawHeads({ cosines, biasDifferences }: HeadAgreement, folder: string): Promise<string[]> {
  const charts = {
    'head-cosines.png': histogramChart({
      title: "The student's class vectors against the teacher's",
      subtitle: `${cosines.length} classes`,
      x: 'cosine',
      series: [{ name: 'cosine', values: cosines }],
      domain: [-1, 1],
    }),
    ...(biasDifferences.length > 0 && {
      'head-bias-differences.png': histogramChart({
        title: "The student's biases less the teacher's",
        subtitle: `${biasDifferences.length} classes`,
        x: 'difference',
        series: [{ name: 'difference', values: biasDifferences }],
      }),
    }),
  };
  for (const [file, chart] of Object.entries(charts))
    writeAtomically(join(folder, file), [(await drawPicture(chart)).png]);
  writeAtomically(join(folder, cosinesFile), [JSON.stringify(Array.from(cosines))]);
  return [...Object.keys(charts), cosinesFile];
}
