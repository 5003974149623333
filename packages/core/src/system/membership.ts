/** The processes that compute together. The coordinator (cluster/) chooses them; runtime/cluster.ts tells TensorFlow. */

export interface ClusterMember {
  /**
   * The process's number for life: TensorFlow fixes it at the first enabling, and a replacement has another one. Numbers may
   * have gaps.
   */
  readonly task: number;
  /** IP:port of its TensorFlow server; IPv6 in brackets. */
  readonly address: string;
}

/** The members, until one joins or leaves. */
export interface Membership {
  /** Positive; rises with every forming, in all groups of a coordinator. */
  readonly generation: number;
  /** Ascending by task; the first one leads. */
  readonly members: readonly ClusterMember[];
}
