/** The page: loads contents, network and gallery, and shows the parts that the student's task has. */
import { type Card, createGallery, type Gallery } from 'headshare-student';
import { showClasses } from './classes';
import type { Contents } from './contents';
import { create, find, messageOf, say } from './dom';
import { fetchModel, startEngine } from './engine';
import { showFaces } from './faces';
import type { Zone } from './zone';

async function start(): Promise<void> {
  const contents: Contents = await fetchJson('contents.json');
  const engine = await startEngine(await fetchModel(contents));
  const { card } = engine.student;
  find('title').textContent = contents.title;
  document.title = contents.title;
  find('about').textContent = describe(card, contents.modelBytes);
  if (card.caution) {
    find('caution').hidden = false;
    find('caution').textContent = `The numbers here say nothing about real pictures: ${card.caution}.`;
  }
  const zones = card.task === 'face' ? showFaces(engine, contents, await loadGallery(contents)) : showClasses(engine);
  showExamples(contents, zones);
  find('main').hidden = false;
  // For whoever automates the page.
  document.body.dataset.ready = 'true';
}

function describe({ network, input, run }: Card, bytes: number): string {
  const size = bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1000)} kB`;
  const made = run ? `, from ${run.title}` : '';
  return `${network.backbone} for pictures of ${input.height} × ${input.width} pixels, ${size}${made}.`;
}

async function loadGallery({ gallery }: Contents): Promise<Gallery | undefined> {
  if (!gallery) return undefined;
  const { names, file, dimension } = gallery;
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} cannot be fetched: the server answered ${response.status}`);
  const rows = new Float32Array(await response.arrayBuffer());
  if (rows.length !== names.length * dimension) throw new Error(`${file} is cut short`);
  return createGallery(
    names,
    names.map((_, i) => rows.subarray(i * dimension, (i + 1) * dimension)),
  );
}

/** Thumbnails that fill the first empty zone, or the one that was filled longest ago. */
function showExamples({ examples, examplesFrom }: Contents, zones: readonly Zone[]): void {
  if (examples.length === 0 || zones.length === 0) return;
  find('examples').hidden = false;
  find('examples-about').textContent = examplesFrom;
  let turn = 0;
  const take = async (file: string, name: string) => {
    const empty = zones.findIndex((zone) => zone.empty);
    const at = empty < 0 ? turn : empty;
    turn = (at + 1) % zones.length;
    const blob = await (await fetch(file)).blob();
    await zones[at]?.take(Object.assign(blob, { name }));
  };
  find('thumbnails').append(
    ...examples.map(({ file, name }) => {
      const image = create('img', { src: file, alt: name, draggable: false });
      const button = create('button', { type: 'button', title: name }, image);
      button.addEventListener('click', () => take(file, name));
      return button;
    }),
  );
}

async function fetchJson<T>(file: string): Promise<T> {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} cannot be fetched: the server answered ${response.status}`);
  try {
    return await response.json();
  } catch {
    throw new Error(`${file} is damaged: build the page again`);
  }
}

start().catch((error) => {
  say(find('about'), `The page cannot start: ${messageOf(error)}.`, 'problem');
  document.body.dataset.ready = 'failed';
});
