import { cardKey, cardText } from 'headshare-student/card';
import type { Format } from '../format';
import { loadTflite } from '../tflite/engine';
import { writeTflite } from '../tflite/write';

export default {
  name: 'tflite',
  summary: 'LiteRT (TensorFlow Lite), one picture at a time: Android, iOS, LiteRT.js',
  ending: '.tflite',
  weights: ['float32', 'float16'],
  write: (graph, card, { weights, name }) => [
    { path: name, parts: writeTflite(graph, { weights, metadata: { [cardKey]: cardText(card) } }) },
  ],
  load: loadTflite,
} satisfies Format;
