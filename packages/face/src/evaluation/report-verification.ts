import { join } from 'node:path';
import { drawPicture } from '@headshare/core/report/picture';
import { detChart, rocChart } from '@headshare/core/report/roc-chart';
import { csvTable, markdownTable, type Table } from '@headshare/core/report/table';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { reportedFars, type VerificationResult } from './verification';

/** A result and its name in tables and charts. */
export interface NamedVerificationResult {
  readonly name: string;
  readonly result: VerificationResult;
}

/** Accuracy, VAL and TAR at FAR, a row for each set. Rates are left out if a set has too few pairs for them. */
export function verificationTable(results: readonly NamedVerificationResult[]): Table {
  return {
    columns: [
      { title: 'set' },
      { title: 'pairs', digits: 0 },
      { title: 'accuracy', percent: true },
      { title: 'VAL@1e-3', percent: true },
      ...reportedFars.map((far) => ({ title: `TAR@${far}`, percent: true })),
      { title: 'AUC', percent: true },
      { title: 'EER', percent: true },
    ],
    rows: results.map(({ name, result }) => [
      name,
      result.genuine + result.impostor,
      { mean: result.accuracy, std: result.accuracyStd },
      result.validation && { mean: result.validation.val, std: result.validation.std },
      ...reportedFars.map((far) => (result.tarAtFar[far].measurable ? result.tarAtFar[far].tar : undefined)),
      result.auc,
      result.eer,
    ]),
    notes: ['Accuracy and VAL: mean ± standard deviation over the folds, as verification.py computes them.'],
  };
}

/**
 * Writes `verification.md` and `.csv`, and ROC and DET curves of all sets as `verification-roc` and `verification-det`,
 * `.svg` and `.png`, into the folder. @returns the names of the files
 */
export async function reportVerification(results: readonly NamedVerificationResult[], folder: string) {
  const table = verificationTable(results);
  const curves = results.map(({ name, result }) => ({ name, ...result.roc }));
  const roc = await drawPicture(rocChart({ title: 'True against false accepts', curves }));
  const det = await drawPicture(detChart({ title: 'False rejects against false accepts', curves }));
  const files = {
    'verification.md': markdownTable(table),
    'verification.csv': csvTable(table),
    'verification-roc.svg': roc.svg,
    'verification-roc.png': roc.png,
    'verification-det.svg': det.svg,
    'verification-det.png': det.png,
  };
  for (const [name, content] of Object.entries(files)) writeAtomically(join(folder, name), [content]);
  return Object.keys(files);
}
