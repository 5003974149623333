import {
  type Gallery,
  type Student,
  searchGallery,
  similarity,
  strictestThreshold,
  type Threshold,
  thresholdFor,
} from 'headshare-student';
import type { Contents } from './contents';
import { create, find, percent, say, showBars } from './dom';
import type { Engine } from './engine';
import { makeZone, type Zone } from './zone';

/** Shows the two parts for faces: two pictures compared, and a search in the gallery. */
export function showFaces(engine: Engine, { gallery: about }: Contents, gallery: Gallery | undefined): Zone[] {
  const { thresholds } = engine.student.card;
  return [...showPair(engine, thresholds?.own), ...(about && gallery ? [showSearch(engine, about, gallery)] : [])];
}

/** Fills a menu with the rates at which thresholds were measured. */
function rateMenu(section: HTMLElement, measured: readonly Threshold[] | undefined, change: () => void) {
  const menu = section.querySelector('select.far') as HTMLSelectElement;
  const rates = (measured ?? []).filter(({ measurable }) => measurable).map(({ far }) => far);
  menu.append(
    ...rates.map((rate) => create('option', { value: String(rate), textContent: `1 in ${Math.round(1 / rate)}` })),
  );
  const usual = rates.find((rate) => rate <= 0.01) ?? rates.at(-1);
  if (usual !== undefined) menu.value = String(usual);
  (menu.parentElement as HTMLElement).hidden = rates.length === 0;
  menu.addEventListener('change', change);
  return () => (rates.length === 0 ? undefined : Number(menu.value));
}

function showPair(engine: Engine, measured: readonly Threshold[] | undefined): Zone[] {
  const section = find('pair');
  section.hidden = false;
  const verdict = find('verdict');
  const scale = find('scale');
  const detail = find('pair-detail');
  const embeddings: Partial<Record<'left' | 'right', Float32Array>> = {};

  const show = () => {
    const { left, right } = embeddings;
    scale.hidden = !(left && right);
    detail.textContent = '';
    delete verdict.dataset.similarity;
    if (!left || !right) return say(verdict, left || right ? 'Choose the other picture.' : 'Choose two pictures.');
    const cosine = similarity(left, right);
    verdict.dataset.similarity = String(cosine);
    (scale.children[0] as HTMLElement).style.width = `${Math.max(0, cosine) * 100}%`;
    const far = rate();
    if (far === undefined) {
      (scale.children[1] as HTMLElement).hidden = true;
      return say(verdict, `Similarity ${cosine.toFixed(3)}`);
    }
    const { threshold, tar } = thresholdFor(measured, far);
    (scale.children[1] as HTMLElement).style.left = `calc(${Math.max(0, threshold) * 100}% - 1px)`;
    const same = cosine >= threshold;
    say(verdict, same ? 'The same person' : 'Two people', same ? 'yes' : 'no');
    detail.textContent = `Similarity ${cosine.toFixed(3)}; the threshold is ${threshold.toFixed(3)}, which ${percent(tar)} of the pairs of one person reach.`;
  };
  const rate = rateMenu(section, measured, show);

  return (['left', 'right'] as const).map((side) =>
    makeZone(
      section.querySelector(`[data-zone=${side}]`) as HTMLElement,
      engine.student,
      async (picture) => {
        [embeddings[side]] = await engine.timed((student) => student.embed([picture]));
        show();
      },
      () => {
        delete embeddings[side];
        show();
      },
    ),
  );
}

/** Whether a measured threshold is strict enough for so many people. */
function keeps(measured: readonly Threshold[] | undefined, far: number, people: number): boolean {
  try {
    thresholdFor(measured, far, people);
    return true;
  } catch {
    return false;
  }
}

function showSearch(engine: Engine, about: NonNullable<Contents['gallery']>, gallery: Gallery): Zone {
  const section = find('search');
  section.hidden = false;
  const people = gallery.names.length;
  const by = about.by === 'teacher' ? 'by the teacher, on the machine that built this page' : 'by the student';
  find('gallery-about').textContent = `A gallery of ${people} people ${about.from}, embedded ${by}.`;
  const { thresholds } = engine.student.card;
  const measured = about.by === 'teacher' ? thresholds?.teacher : thresholds?.own;
  const found = find('found');
  const detail = find('search-detail');
  const matches = find('matches');
  let probe: Float32Array | undefined;

  const show = () => {
    matches.replaceChildren();
    detail.textContent = '';
    if (!probe) return say(found, 'Choose a picture.');
    const best = searchGallery(gallery, probe);
    showBars(
      matches,
      best.map(({ name, similarity: cosine }) => ({ name, value: cosine.toFixed(3), share: cosine })),
    );
    const [first] = best;
    if (!first) return;
    found.dataset.index = String(first.index);
    const far = rate();
    if (far === undefined) return say(found, `Most similar: ${first.name}`);
    const kept = keeps(measured, far, people);
    const { threshold, strangers } = kept ? thresholdFor(measured, far, people) : strictestThreshold(measured, people);
    const known = first.similarity >= threshold;
    say(found, known ? first.name : 'Nobody in the gallery', known ? 'yes' : 'no');
    detail.textContent = kept
      ? `The threshold for ${people} people is ${threshold.toFixed(3)}.`
      : `The strictest threshold that was measured is ${threshold.toFixed(3)}; among ${people} people it lets about ${percent(strangers)} of strangers pass.`;
  };
  const rate = rateMenu(section, measured, show);
  return makeZone(
    section.querySelector('[data-zone=probe]') as HTMLElement,
    engine.student,
    async (picture) => {
      [probe] = await engine.timed((student: Student) => student.embed([picture]));
      show();
    },
    () => {
      probe = undefined;
      show();
    },
  );
}
