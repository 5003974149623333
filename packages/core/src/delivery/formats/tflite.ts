import { cardKey, cardText } from 'headshare-student/card';
import type { Format } from '../format';
import { loadTflite } from '../tflite/engine';
import { writeTflite } from '../tflite/write';
import { weightTypes } from '../weights';

export default {
  name: 'tflite',
  summary: 'LiteRT (TensorFlow Lite), one picture at a time: Android, iOS, LiteRT.js',
  ending: '.tflite',
  weights: weightTypes,
  write: (graph, card, { weights, name }) => [
    { path: name, parts: writeTflite(graph, { weights, metadata: { [cardKey]: cardText(card) } }) },
  ],
  load: loadTflite,
} satisfies Format;
