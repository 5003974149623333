import { cardKey, cardText } from 'headshare-student/card';
import type { Format, ModelFile } from '../format';
import { loadOnnx } from '../onnx/load';
import { writeOnnx } from '../onnx/write';
import { weightTypes } from '../weights';

export default {
  name: 'onnx',
  summary: 'ONNX (opset 17): onnxruntime, OpenVINO, TensorRT, browsers',
  ending: '.onnx',
  weights: weightTypes,
  storesActivations: true,
  write(graph, card, { weights, ranges, name }) {
    const tensorsFile = `${name}.data`;
    const metadata = { [cardKey]: cardText(card) };
    const { model, tensors } = writeOnnx(graph, { weights, ranges, metadata, tensorsFile });
    const files: ModelFile[] = [{ path: name, parts: model }];
    return tensors.length > 0 ? [...files, { path: tensorsFile, parts: tensors }] : files;
  },
  load: loadOnnx,
} satisfies Format;
