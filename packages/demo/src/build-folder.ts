import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isFaceHead } from '@headshare/core/delivery/make-card';
import { formats } from '@headshare/core/delivery/registry';
import { exportModel } from '@headshare/core/export/export-model';
import { dataOf } from '@headshare/core/export/pictures';
import type { Source, SourceRun } from '@headshare/core/export/source';
import { teacherFolder } from '@headshare/core/export/thresholds';
import { UserError } from '@headshare/core/system/user-error';
import { writeAtomically } from '@headshare/core/system/write-atomically';
import { checkpointFiles } from '@headshare/core/train/checkpoint';
import { readNetwork } from '@headshare/core/train/networks/load-network';
import { build } from 'esbuild';
import type { Card } from 'headshare-student/card';
import sharp from 'sharp';
import { embedGallery } from './embed-gallery';
import type { Contents } from './page/contents';
import { peopleIn } from './people-folder';
import { type NamedPicture, peopleOf, picturesToTry } from './pictures-of-run';

export interface BuildRequest {
  readonly source: Source & { readonly made: SourceRun };
  /** An empty folder. */
  readonly folder: string;
  /** A folder with people to search; default: people of the run's training pictures. */
  readonly gallery: string | undefined;
  /** The workspace's folder. */
  readonly root: string;
}

/** Files of onnxruntime-web: wasm, and WebGPU, which a browser fetches only when it is chosen. */
const runtimeFiles = [
  'ort.wasm.min.mjs',
  'ort-wasm-simd-threaded.mjs',
  'ort-wasm-simd-threaded.wasm',
  'ort.webgpu.min.mjs',
  'ort-wasm-simd-threaded.asyncify.mjs',
  'ort-wasm-simd-threaded.asyncify.wasm',
];

/**
 * Writes the page with its student into a folder, which any static host can serve.
 * @returns lines that describe it
 */
export async function buildFolder({ source, folder, gallery, root }: BuildRequest): Promise<readonly string[]> {
  const { network, made } = source;
  const faces = isFaceHead(network.description.head);
  if (gallery !== undefined && !faces) {
    throw new UserError(`--gallery: ${made.run.title} classifies, and has no gallery to search`);
  }
  const teacherSpace = network.description.teacherSpace !== undefined;
  const model = 'student.onnx';
  const options = faces
    ? ({ input: 'bytes', outputs: ['embedding'], mirror: true, teacherSpace } as const)
    : ({ input: 'bytes', outputs: ['probabilities'], mirror: false, teacherSpace: false } as const);
  const to = join(folder, model);
  const { card, difference } = await exportModel({
    source,
    to,
    format: formats.named('onnx'),
    options,
    weights: 'float32',
    root,
  });
  const exported = readFileSync(to);
  const data = await dataOf(source, root);
  const task = typeof data === 'string' ? undefined : data;
  try {
    const people = task && faces ? await peopleOf(task.train) : undefined;
    const tries = people?.tries ?? (task ? await picturesToTry(task.train, card.classNames) : []);
    const contents: Contents = {
      model,
      modelBytes: exported.length,
      modelHash: createHash('sha256').update(exported).digest('hex'),
      title: faces ? 'Faces, by the student' : 'Pictures, by the student',
      examples: await writePictures(folder, tries),
      examplesFrom: `Training pictures of the run: ${task?.train.name}.`,
      ...(faces && { gallery: await writeGallery({ source, folder, gallery, card, own: people?.gallery ?? [] }) }),
    };
    writeFileSync(join(folder, 'contents.json'), JSON.stringify(contents));
    await writePage(folder);
    return [
      `${network.description.backbone}, ${contents.modelBytes} bytes; largest difference from the network's own ${difference.output}: ${difference.relative.toExponential(1)} of it`,
      ...(contents.gallery ? [`gallery: ${contents.gallery.names.length} people ${contents.gallery.from}`] : []),
    ];
  } finally {
    await task?.close();
  }
}

async function writeGallery({
  source,
  folder,
  gallery,
  card,
  own,
}: Pick<BuildRequest, 'source' | 'folder' | 'gallery'> & { card: Card; own: readonly NamedPicture[] }): Promise<
  Contents['gallery']
> {
  const people =
    gallery === undefined
      ? own.map(({ name, picture }) => ({ name, pictures: [picture] }))
      : await peopleIn(gallery, card);
  if (people.length === 0) return undefined;
  // Only where pairs across the two were measured is it known that student and teacher share a space.
  const stage = card.thresholds?.teacher && teacherFolder(source.made);
  const teacher = stage && join(stage, checkpointFiles.last);
  const { network } = source;
  const byTeacher = teacher !== undefined && existsSync(teacher);
  const { rows, dimension } = byTeacher
    ? embedGallery(readNetwork(teacher), people, false)
    : embedGallery(network, people, card.teacherSpace);
  const file = 'gallery.f32';
  writeFileSync(join(folder, file), new Uint8Array(rows.buffer));
  return {
    names: people.map(({ name }) => name),
    file,
    dimension,
    by: byTeacher ? 'teacher' : 'student',
    from: gallery === undefined ? "from the run's training pictures" : 'from a folder',
  };
}

async function writePictures(folder: string, pictures: readonly NamedPicture[]): Promise<Contents['examples']> {
  mkdirSync(join(folder, 'examples'));
  return Promise.all(
    pictures.map(async ({ name, picture: { pixels, width, height } }, i) => {
      const file = `examples/${i}.png`;
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(join(folder, file));
      return { file, name };
    }),
  );
}

/** The page itself, which is the same for every student. */
async function writePage(folder: string): Promise<void> {
  const page = join(__dirname, 'page');
  for (const file of ['index.html', 'style.css']) copyInto(join(page, file), join(folder, file));
  await build({
    entryPoints: [join(page, 'page.ts')],
    outfile: join(folder, 'page.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    // The page loads the engine itself, from its own folder.
    external: ['onnxruntime-web', 'node:*'],
    logLevel: 'silent',
  });
  const runtime = dirname(createRequire(__filename).resolve('onnxruntime-web'));
  mkdirSync(join(folder, 'ort'));
  for (const file of runtimeFiles) copyInto(join(runtime, file), join(folder, 'ort', file));
}

/** Copies a file. Node's own error would name the source where the target's disk is full. */
function copyInto(from: string, to: string): void {
  writeAtomically(to, [readFileSync(from)]);
}
