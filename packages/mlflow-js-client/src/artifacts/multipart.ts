import { createReadStream } from 'node:fs';
import { type Connection, withoutCredentials, withSignal } from '../connection';
import { MlflowError } from '../error';
import { sendAndRead, sendForJson } from '../send';
import { inParallel } from './parallel';
import { encodePath } from './path';
import type { FileBody } from './store';

/** The answer of `mpu/create`: a signed address in the cloud store for each part. */
interface Upload {
  upload_id: string;
  credentials: { url: string; part_number: number; headers?: Record<string, string> }[];
}

/** Bytes from which files are sent in parts, as by MLflow's own client. */
const multipartFrom = 500 * 2 ** 20;
const smallestPart = 10 * 2 ** 20;
/** S3's limit. */
const mostParts = 10_000;
const partsAtOnce = 4;

/**
 * Uploads a large file in parts, directly to signed addresses of the cloud store; aborts the upload if it fails.
 * `path` is the full path below the server's artifact root.
 * Returns false, having sent nothing, for a file below `from` bytes, or if the server's store does not support parts.
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
    await call(connection, 'complete', path, { upload_id: upload.upload_id, parts });
  } catch (error) {
    // The caller needs the first error. The store's own rules remove an upload that could not be aborted.
    await call({ ...connection, signal: undefined }, 'abort', path, { upload_id: upload.upload_id }).catch(() => {});
    throw error;
  }
  return true;
}

async function create(connection: Connection, path: string, parts: number): Promise<Upload | undefined> {
  try {
    return await call<Upload>(connection, 'create', path, { num_parts: parts });
  } catch (error) {
    const unsupported = error instanceof MlflowError && (error.code === 'NOT_IMPLEMENTED' || error.status === 404);
    if (unsupported) return undefined;
    throw error;
  }
}

/** Sends the folder in the address and the name in the body, as MLflow's own client does. */
function call<T>(connection: Connection, name: 'create' | 'complete' | 'abort', path: string, json: object) {
  const folder = path.split('/').slice(0, -1).join('/');
  return sendForJson<T>(connection, {
    method: 'POST',
    path: `/api/2.0/mlflow-artifacts/mpu/${name}/${encodePath(folder)}`,
    json: { path: path.split('/').at(-1), ...json },
  });
}

/** Returns the parts in the form of `mpu/complete`. */
async function sendParts(connection: Connection, upload: Upload, body: FileBody, partBytes: number) {
  const sent = new Map<number, number>();
  const stop = new AbortController();
  const stoppable = withSignal(connection, stop.signal);
  return inParallel(upload.credentials, partsAtOnce, stop, async ({ url, part_number, headers }, index) => {
    const start = index * partBytes;
    const bytes = Math.min(partBytes, body.bytes - start);
    const onProgress = (done: number): void => {
      sent.set(index, done);
      body.onProgress?.([...sent.values()].reduce((sum, one) => sum + one, 0));
    };
    const open = () => createReadStream(body.file, { start, end: start + bytes - 1 });
    const { origin, pathname, search } = new URL(url);
    const etag = await sendAndRead(
      // The signature suffices: the store is another host.
      withoutCredentials(stoppable, origin),
      { method: 'PUT', path: `${pathname}${search}`, headers, body: { open, bytes, onProgress }, repeatable: true },
      async (response) => {
        for await (const _ of response);
        return response.headers.etag ?? '';
      },
    );
    return { part_number, etag, url };
  });
}
