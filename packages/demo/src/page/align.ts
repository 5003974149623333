import { alignFace, type FacePoints, type Picture, type Point, type Student } from 'headshare-student';
import { find } from './dom';
import { toImageData } from './image-data';

const steps: readonly (readonly [keyof FacePoints, string])[] = [
  ['leftEye', 'the eye on the left of the picture'],
  ['rightEye', 'the eye on the right of the picture'],
  ['nose', 'the tip of the nose'],
  ['leftMouth', 'the corner of the mouth on the left'],
  ['rightMouth', 'the corner of the mouth on the right'],
];

/** Asks for the five points of a face, by clicks or keys, and returns its aligned crop; undefined if cancelled. */
export function alignByClicks(picture: Picture, { input }: Student['card']): Promise<Picture | undefined> {
  const dialog = find<HTMLDialogElement>('align');
  const canvas = find<HTMLCanvasElement>('align-picture');
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const status = find('align-step');
  const image = toImageData(picture);
  canvas.width = picture.width;
  canvas.height = picture.height;
  // Small pictures are enlarged, large ones fit the window.
  const zoom = Math.min(4, (window.innerHeight * 0.6) / picture.height, (window.innerWidth * 0.85) / picture.width);
  canvas.style.width = `${picture.width * zoom}px`;
  const points: Point[] = [];
  let cross: Point = { x: picture.width / 2, y: picture.height / 2 };

  const draw = () => {
    context.putImageData(image, 0, 0);
    const thick = 2 / zoom;
    for (const { x, y } of points) {
      context.fillStyle = '#23d160';
      context.beginPath();
      context.arc(x + 0.5, y + 0.5, 3 * thick, 0, 2 * Math.PI);
      context.fill();
    }
    context.strokeStyle = '#ff3860';
    context.lineWidth = thick;
    context.beginPath();
    context.moveTo(cross.x - 6 * thick, cross.y);
    context.lineTo(cross.x + 6 * thick, cross.y);
    context.moveTo(cross.x, cross.y - 6 * thick);
    context.lineTo(cross.x, cross.y + 6 * thick);
    context.stroke();
    const [, words = ''] = steps[points.length] ?? [];
    status.textContent = `Point ${points.length + 1} of ${steps.length}: ${words}.`;
  };

  return new Promise((resolve) => {
    const listeners = new AbortController();
    const { signal } = listeners;
    const finish = (result: Picture | undefined) => {
      listeners.abort();
      if (dialog.open) dialog.close();
      resolve(result);
    };
    const add = (point: Point) => {
      points.push(point);
      if (points.length < steps.length) return draw();
      const named = Object.fromEntries(steps.map(([name], i) => [name, points[i]])) as unknown as FacePoints;
      try {
        finish(alignFace(picture, named, { input }));
      } catch (error) {
        points.length = 0;
        draw();
        status.textContent = `${(error as Error).message} Start again: ${steps[0]?.[1]}.`;
      }
    };
    canvas.addEventListener(
      'click',
      ({ offsetX, offsetY }) => {
        const scale = picture.width / canvas.clientWidth;
        // Whole numbers are the centres of pixels.
        add({ x: offsetX * scale - 0.5, y: offsetY * scale - 0.5 });
      },
      { signal },
    );
    canvas.addEventListener(
      'keydown',
      (event) => {
        const moves: Readonly<Record<string, readonly [number, number]>> = {
          ArrowLeft: [-1, 0],
          ArrowRight: [1, 0],
          ArrowUp: [0, -1],
          ArrowDown: [0, 1],
        };
        const move = moves[event.key];
        if (!move && event.key !== 'Enter') return;
        event.preventDefault();
        if (!move) return add(cross);
        const step = event.shiftKey ? 1 : Math.max(1, Math.round(picture.width / 40));
        cross = {
          x: Math.min(picture.width - 1, Math.max(0, cross.x + move[0] * step)),
          y: Math.min(picture.height - 1, Math.max(0, cross.y + move[1] * step)),
        };
        draw();
      },
      { signal },
    );
    find('align-back').addEventListener(
      'click',
      () => {
        points.pop();
        draw();
      },
      { signal },
    );
    find('align-cancel').addEventListener('click', () => finish(undefined), { signal });
    dialog.addEventListener('close', () => finish(undefined), { signal });
    dialog.showModal();
    draw();
    canvas.focus();
  });
}
