/** The tags by which runs are found again, and told that they are part of another one. */

/** The tag by which a run is found again when the answer to its creation, or `journal.sent.json`, was lost. */
export const journalTag = 'headshare.journal';

/** The tag of a run with its parent's journal: a server may not know the parent yet. */
export const parentTag = 'headshare.parent';

/** The variable by which a process that is started for a run learns its parent's journal. */
export const parentVariable = 'HEADSHARE_PARENT_RUN';
