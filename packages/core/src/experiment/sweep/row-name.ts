/** What a report calls a row. */
export interface RowName {
  /** The network or the method. */
  readonly title: string;
  /** What tells it from other rows of that title: options as they are written, and their values. */
  readonly settings: Readonly<Record<string, string>>;
}

/** `th-kd, temperature 2` */
export const rowText = ({ title, settings }: RowName): string =>
  [title, ...Object.entries(settings).map(([option, value]) => `${option} ${value}`)].join(', ');
