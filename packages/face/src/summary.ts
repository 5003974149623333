import type { NetworkResult } from '@headshare/core/experiment/network-stages';
import type { Column, Table } from '@headshare/core/report/table';
import { terminalTable } from '@headshare/core/report/terminal-table';

/** The numbers that networks are compared by, as columns: a metric's name and how it is shown. */
export const verificationColumns: readonly (Column & { readonly metric: string })[] = [
  { metric: 'accuracy', title: 'accuracy', percent: true },
  { metric: 'auc', title: 'AUC', percent: true },
  { metric: 'eer', title: 'EER', percent: true },
  { metric: 'tar_at_far_1e-2', title: 'TAR@1e-2', percent: true },
  { metric: 'tar_at_far_1e-3', title: 'TAR@1e-3', percent: true },
  { metric: 'cross_accuracy', title: 'across models', percent: true },
];

/** One network a row. */
export function summaryTable(networks: Readonly<Record<string, NetworkResult>>): string {
  const table: Table = {
    columns: [{ title: 'network' }, { title: 'parameters', digits: 0 }, ...verificationColumns],
    rows: Object.entries(networks).map(([name, { metrics, parameters }]) => [
      name,
      parameters,
      ...verificationColumns.map(({ metric }) => metrics[metric]),
    ]),
    notes: [
      'People to verify were never trained on; last epoch, 10-fold accuracy, image and mirror image together.',
      "Across models: gallery embedded by the teacher, probes by the student, by the same protocol's accuracy.",
    ],
  };
  return terminalTable(table);
}
