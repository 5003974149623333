/**
 * Lets the process survive a standard output or standard error that fails: a full disk behind it, a terminal that has
 * gone. The lines are lost, the work and the exit code are not. A closed pipe behind standard output (`| head`) ends a
 * command at once and quietly, with 141 as for SIGPIPE, unless it calls `keepWorking`.
 */
export function guardOutput(): void;

/** For a command whose work is worth finishing although nobody reads its output any more, such as a training. */
export function keepWorking(): void;
