import { type Picture, prepare, readPicture, type Student } from 'headshare-student';
import { alignByClicks } from './align';
import { create, messageOf, say } from './dom';
import { toImageData } from './image-data';

/** A place for one picture: dropped, chosen, pasted, taken by the webcam, or one of the examples. */
export interface Zone {
  /** Takes a picture file, as if it had been dropped. */
  take(file: Blob & { readonly name?: string }): Promise<void>;
  readonly empty: boolean;
}

/**
 * Fills an element of the page with a zone.
 * @param use gets each prepared picture, of the network's input size
 * @param clear is called when the zone's picture is gone
 */
export function makeZone(
  element: HTMLElement,
  { card }: Pick<Student, 'card'>,
  use: (picture: Picture) => Promise<void>,
  clear: () => void,
): Zone {
  const name = element.dataset.name ?? 'Picture';
  const { height, width } = card.input;
  const canvas = create('canvas', { width, height, hidden: true });
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', name);
  element.style.setProperty('--shape', `${width} / ${height}`);
  const input = create('input', { type: 'file', accept: 'image/*', hidden: true });
  input.setAttribute('aria-label', name);
  const note = create('p', { className: 'detail', textContent: `${name}: drop a file here` });
  note.setAttribute('role', 'status');
  const choose = create('button', { type: 'button', textContent: 'Choose …' });
  choose.setAttribute('aria-label', `${name}: choose a file`);
  const camera = create('button', { type: 'button', textContent: 'Webcam', hidden: !navigator.mediaDevices });
  camera.setAttribute('aria-label', `${name}: take it with the webcam`);
  const buttons = create('p', { className: 'buttons' }, choose, camera);
  element.append(canvas, note, buttons, input);

  let empty = true;
  const show = (picture: Picture) => {
    canvas.getContext('2d')?.putImageData(toImageData(picture), 0, 0);
    canvas.hidden = false;
  };
  const take: Zone['take'] = async (file) => {
    try {
      const { picture, caution } = await readPicture(file);
      const ready = fits(picture, card) ? prepare(picture, card) : await alignByClicks(picture, card);
      if (!ready) return;
      show(ready);
      empty = false;
      await use(ready);
      say(note, [file.name, caution].filter(Boolean).join(': ') || name);
    } catch (error) {
      empty = true;
      canvas.hidden = true;
      say(note, `${messageOf(error)}.`, 'problem');
      clear();
    }
  };

  choose.addEventListener('click', () => input.click());
  input.addEventListener('change', async () => {
    const [file] = input.files ?? [];
    if (file) await take(file);
    // The same file may be chosen again.
    input.value = '';
  });
  element.addEventListener('dragover', (event) => {
    event.preventDefault();
    element.classList.add('over');
  });
  element.addEventListener('dragleave', () => element.classList.remove('over'));
  element.addEventListener('drop', (event) => {
    event.preventDefault();
    element.classList.remove('over');
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(file);
  });
  useWebcam(camera, element, note, take);
  return {
    take,
    get empty() {
      return empty;
    },
  };
}

/** A face that is not a crop of the network's size has to be aligned first. */
const fits = ({ width, height }: Picture, { input }: Student['card']): boolean =>
  input.preparation.kind !== 'aligned-face' || (width === input.width && height === input.height);

function useWebcam(button: HTMLButtonElement, element: HTMLElement, note: HTMLElement, take: Zone['take']): void {
  let stream: MediaStream | undefined;
  const video = create('video', { muted: true, playsInline: true, hidden: true });
  element.prepend(video);
  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = undefined;
    video.hidden = true;
    button.textContent = 'Webcam';
  };
  button.addEventListener('click', async () => {
    if (stream) {
      const canvas = create('canvas', { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext('2d')?.drawImage(video, 0, 0);
      stop();
      canvas.toBlob((blob) => blob && take(Object.assign(blob, { name: 'Webcam' })), 'image/png');
      return;
    }
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user' } });
      video.srcObject = stream;
      video.hidden = false;
      await video.play();
      button.textContent = 'Take the picture';
    } catch (error) {
      stop();
      say(note, `The webcam cannot be used: ${messageOf(error)}.`, 'problem');
    }
  });
}
