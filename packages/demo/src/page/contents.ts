/** What lies beside the page: its file `contents.json`, written when the folder is built. */
export interface Contents {
  /** The student's file. */
  readonly model: string;
  readonly modelBytes: number;
  /** SHA-256 in hexadecimal digits: a damaged copy must not give answers. */
  readonly modelHash: string;
  readonly title: string;
  /** People to search, absent for classification. */
  readonly gallery?: {
    readonly names: readonly string[];
    /** float32 [people, dimension] by rows, each of length 1. */
    readonly file: string;
    readonly dimension: number;
    /** Who embedded them: the teacher or the student itself. */
    readonly by: 'teacher' | 'student';
    /** A sentence's end: `from the folder people`. */
    readonly from: string;
  };
  /** Pictures of the run's data, as PNG files of the network's input size. */
  readonly examples: readonly { readonly file: string; readonly name: string }[];
  readonly examplesFrom: string;
}
