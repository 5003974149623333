import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection';
import { type Call, open, pauseBeforeRepeating, repeating } from './send';

/**
 * Sends a reading call and hands its answer on as it arrives. What is slow then is the reader: only the server's time
 * counts. An answer that is cut off goes on where it stopped (Range), as often as a call is repeated without a byte
 * arriving, if the server can say that it is still the same (ETag).
 */
export async function* sendForStream(connection: Connection, call: Call): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0;
  let etag: string | undefined;
  let failures = 0;
  let failure: unknown;
  for (;;) {
    const headers = { ...call.headers };
    if (received > 0 && etag) Object.assign(headers, { range: `bytes=${received}-`, 'if-range': etag });
    const rest = { ...call, headers };
    const answer = await repeating(connection, rest, () => open(connection, rest));
    const { response, clock } = answer;
    if (received === 0) etag = strong(response.headers.etag);
    else if (response.statusCode !== 206) {
      // Another file by now: what was handed on cannot be taken back.
      answer.close();
      throw failure;
    }
    try {
      for await (const chunk of response) {
        received += chunk.length;
        failures = 0;
        clock.pause();
        yield chunk;
        clock.restart();
      }
      return;
    } catch (error) {
      failure = answer.failure(error);
    } finally {
      answer.close();
    }
    const pause = pauseBeforeRepeating(connection, call, failures++, failure);
    if (pause === undefined || (received > 0 && !etag)) throw failure;
    await sleep(pause, undefined, { signal: connection.signal }).catch(() => connection.signal?.throwIfAborted());
  }
}

/** A weak one says that two answers mean the same, not that their bytes are. */
function strong(etag: string | undefined): string | undefined {
  return etag?.startsWith('W/') ? undefined : etag;
}
