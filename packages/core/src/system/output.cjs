// Plain JavaScript, because it runs before Node can load TypeScript.
'use strict';

/** The exit code that a shell gives a program which SIGPIPE ended: the reader of its output has gone. */
const closedPipe = 141;

let isWorking = false;
let isGuarded = false;

/** See output.d.cts. */
function guardOutput() {
  if (isGuarded) return;
  isGuarded = true;
  for (const name of ['stdout', 'stderr']) {
    let stream;
    try {
      stream = process[name];
    } catch {
      // A descriptor that Node cannot open: nothing can be written to it either.
      continue;
    }
    stream.on('error', ({ code }) => {
      if (name === 'stdout' && code === 'EPIPE' && !isWorking) process.exit(closedPipe);
    });
  }
}

/** See output.d.cts. */
function keepWorking() {
  isWorking = true;
}

module.exports = { guardOutput, keepWorking };
