import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection';
import { type Call, open, pauseBeforeRepeating, repeating } from './send';

/**
 * Sends a reading call and yields its answer as it arrives; the time that the consumer needs does not count. Resumes a
 * broken answer where it stopped (Range) if the server confirms that the content is the same (ETag), at most
 * `connection.retries` times without progress.
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
      // The content has changed, and the bytes already yielded cannot be taken back.
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

/** Excludes weak ETags, which do not guarantee equal bytes. */
function strong(etag: string | undefined): string | undefined {
  return etag?.startsWith('W/') ? undefined : etag;
}
