import { find, percent, say, showBars } from './dom';
import type { Engine } from './engine';
import { makeZone, type Zone } from './zone';

/** Shows the part for classification: a picture's five most probable classes. */
export function showClasses(engine: Engine): Zone[] {
  const section = find('classes');
  section.hidden = false;
  const best = find('best');
  const top = find('top');
  const zone = makeZone(
    section.querySelector('[data-zone=picture]') as HTMLElement,
    engine.student,
    async (picture) => {
      const scores = await engine.timed((student) => student.classify(picture, 5));
      const [first] = scores;
      best.dataset.index = String(first?.index);
      say(best, first?.name ?? '');
      showBars(
        top,
        scores.map(({ name, probability }) => ({ name, value: percent(probability), share: probability })),
      );
    },
    () => {
      top.replaceChildren();
      say(best, 'Choose a picture.');
    },
  );
  return [zone];
}
