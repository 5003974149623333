// A worker's connection to the coordinator, in a thread of its own: recording and compiling a step block the main thread
// for seconds, and heartbeats must go on meanwhile. They stop when the whole process is frozen.
// Plain JavaScript: loading TypeScript would cost each thread more than all the rest.
'use strict';
const { connect } = require('node:tls');
const { parentPort, workerData } = require('node:worker_threads');

const { host, port, key, identity, ciphers, heartbeat, silence, firstPatience, patience, retry } = workerData;

let socket;
let isUp = false;
/** Whether the connection's first message, who this is, has been sent: a busy main thread may be slow to give it. */
let hasGreeted = false;
let isClosing = false;
let lastHeard = 0;
/** When the connection was lost, or first tried. */
let downSince = performance.now();
let wasUp = false;

/** Nobody is there yet: a machine that starts later, a name that is not known yet. */
const passing = new Set([
  'ECONNREFUSED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTDOWN',
]);

function open() {
  let hasConnected = false;
  const mine = connect({
    host,
    port,
    ciphers,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ identity, psk: Buffer.from(key) }),
    checkServerIdentity: () => undefined,
  });
  socket = mine;
  mine.setNoDelay(true);
  mine.setEncoding('utf8');
  const limit = setTimeout(
    () => mine.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    silence * 2,
  );
  mine.once('connect', () => {
    hasConnected = true;
  });
  mine.once('secureConnect', () => {
    clearTimeout(limit);
    isUp = true;
    hasGreeted = false;
    wasUp = true;
    lastHeard = performance.now();
    parentPort.postMessage({ type: 'up' });
  });
  mine.on('data', (chunk) => {
    lastHeard = performance.now();
    parentPort.postMessage({ type: 'chunk', chunk });
  });
  let problem;
  mine.on('error', (error) => {
    problem = error;
  });
  mine.once('close', () => {
    clearTimeout(limit);
    if (socket !== mine) return;
    socket = undefined;
    if (isClosing) {
      parentPort.close();
      clearInterval(beat);
      return;
    }
    if (isUp) {
      isUp = false;
      downSince = performance.now();
      parentPort.postMessage({ type: 'down' });
    }
    const reason = problem?.code ?? problem?.message ?? 'the connection was closed';
    // A handshake that fails is refused for good: another token, or no coordinator.
    if (!wasUp && hasConnected && !passing.has(reason)) {
      parentPort.postMessage({ type: 'gone', why: 'handshake', reason });
    } else if (performance.now() - downSince > (wasUp ? patience : firstPatience)) {
      parentPort.postMessage({ type: 'gone', why: wasUp ? 'lost' : 'unreachable', reason });
    } else {
      setTimeout(() => {
        if (!isClosing) open();
      }, retry);
    }
  });
}

let lastBeat = performance.now();
const beat = setInterval(() => {
  const now = performance.now();
  // After SIGCONT, or where the machine is overloaded, the coordinator's messages wait to be read.
  const isLate = now - lastBeat > heartbeat * 3;
  lastBeat = now;
  if (!isUp) return;
  if (hasGreeted) socket?.write('{"type":"ping"}\n');
  if (!isLate && now - lastHeard > silence) socket?.destroy();
}, heartbeat);

parentPort.on('message', ({ text, isGreeting, close }) => {
  if (isUp && isGreeting) hasGreeted = true;
  // Without a greeting it was meant for the connection before.
  if (text !== undefined && isUp && hasGreeted) socket?.write(text);
  if (!close) return;
  isClosing = true;
  if (socket && isUp) {
    socket.end();
    setTimeout(() => socket?.destroy(), 1000).unref();
  } else {
    clearInterval(beat);
    socket?.destroy();
    parentPort.close();
  }
});

open();
