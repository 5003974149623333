import { createReadStream } from 'node:fs';
import { type Connection, connect, withSignal } from '../connection';
import { MlflowError } from '../error';
import { sendAndRead, sendForJson } from '../send';
import { inParallel } from './parallel';
import { encodePath } from './path';
import type { FileBody } from './store';

/** What `mpu/create` answers: where each part is to be put, in the cloud store itself. */
interface Upload {
  upload_id: string;
  credentials: { url: string; part_number: number; headers?: Record<string, string> }[];
}

interface Part {
  part_number: number;
  etag: string;
  url: string;
}

/** Files from this size on are sent in parts, where the store behind the server can (as in MLflow's own client). Bytes. */
const multipartFrom = 500 * 2 ** 20;
const smallestPart = 10 * 2 ** 20;
/** S3 takes no more. */
const mostParts = 10_000;
const partsAtOnce = 4;

/**
 * Sends a large file in parts, directly to the cloud store, at addresses that the server has signed.
 * Returns false, having sent nothing, for a file below `from` bytes and when the server cannot: its store is a folder.
 * `path` is the whole one, below the server's artifact root. After a failure the upload is taken back.
 */
export async function uploadInParts(
  connection: Connection,
  path: string,
  body: FileBody,
  from: number = multipartFrom,
): Promise<boolean> {
  if (body.bytes < from) return false;
  const partBytes = Math.max(smallestPart, Math.ceil(body.bytes / mostParts));
  const upload = await create(connection, path, Math.ceil(body.bytes / partBytes));
  if (!upload) return false;
  try {
    const parts = await sendParts(connection, upload, body, partBytes);
    await step(connection, 'complete', path, { upload_id: upload.upload_id, parts });
  } catch (error) {
    // The failure is what the caller has to know; what cannot be taken back, the store's own rules remove.
    await step({ ...connection, signal: undefined }, 'abort', path, { upload_id: upload.upload_id }).catch(() => {});
    throw error;
  }
  return true;
}

async function create(connection: Connection, path: string, parts: number): Promise<Upload | undefined> {
  try {
    return await step<Upload>(connection, 'create', path, { num_parts: parts });
  } catch (error) {
    const unsupported = error instanceof MlflowError && (error.code === 'NOT_IMPLEMENTED' || error.status === 404);
    if (unsupported) return undefined;
    throw error;
  }
}

/** The folder is in the address and the name in the body, as MLflow's own client sends them. */
function step<T>(connection: Connection, name: 'create' | 'complete' | 'abort', path: string, json: object) {
  const folder = path.split('/').slice(0, -1).join('/');
  return sendForJson<T>(connection, {
    method: 'POST',
    path: `/api/2.0/mlflow-artifacts/mpu/${name}/${encodePath(folder)}`,
    json: { path: path.split('/').at(-1), ...json },
  });
}

async function sendParts(connection: Connection, upload: Upload, body: FileBody, partBytes: number): Promise<Part[]> {
  const sent = new Map<number, number>();
  const stop = new AbortController();
  const terms = withSignal(connection, stop.signal);
  return inParallel(upload.credentials, partsAtOnce, stop, async ({ url, part_number, headers }, index) => {
    const start = index * partBytes;
    const bytes = Math.min(partBytes, body.bytes - start);
    const onProgress = (done: number): void => {
      sent.set(index, done);
      body.onProgress?.([...sent.values()].reduce((sum, one) => sum + one, 0));
    };
    const open = () => createReadStream(body.file, { start, end: start + bytes - 1 });
    const { origin, pathname, search } = new URL(url);
    // The address is signed: it gets neither our credentials nor our trust in certificates.
    const { timeout, retries, retryDelay, longestDelay, signal } = terms;
    const store = connect(origin, { timeout, retries, retryDelay, longestDelay, signal });
    const etag = await sendAndRead(
      store,
      { method: 'PUT', path: `${pathname}${search}`, headers, body: { open, bytes, onProgress }, repeatable: true },
      async (response) => {
        for await (const _ of response);
        return response.headers.etag ?? '';
      },
    );
    return { part_number, etag, url };
  });
}
