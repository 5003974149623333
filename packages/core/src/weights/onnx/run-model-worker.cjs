// A worker thread that runs ONNX models and answers their outputs; run-model.ts waits for it.
'use strict';
const { parentPort } = require('node:worker_threads');

async function run({ model, external, input }) {
  const ort = require('onnxruntime-web');
  ort.env.logLevel = 'fatal';
  // More threads would be worker threads of this one, and the models are run for a few images.
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['wasm'],
    logSeverityLevel: 4,
    ...(external.length > 0 && { externalData: external }),
  });
  const feeds = { [input.name]: new ort.Tensor(input.type, input.data, input.shape) };
  const results = await session.run(feeds);
  await session.release();
  return Object.entries(results).map(([name, { type, dims, data }]) => ({ name, type, shape: [...dims], data }));
}

parentPort.on('message', ({ signal, port, ...model }) => {
  run(model)
    .then(
      (outputs) => port.postMessage({ outputs }),
      (error) => port.postMessage({ error: error instanceof Error ? error.message : String(error) }),
    )
    .finally(() => {
      Atomics.store(signal, 0, 1);
      Atomics.notify(signal, 0);
    });
});
