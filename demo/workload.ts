/**
 * `demo-inference`: one replica, started by one of the control plane's targets with PORT set. Reads its
 * settings from the environment, serves on loopback unless HOST says otherwise, and on SIGTERM drains
 * and exits.
 * With the defaults a replica serves ten requests of a hundred tokens a second.
 */

import process from 'node:process';
import { readNumber, readText } from './environment.ts';
import { createModel } from './inference/model.ts';
import { createInferenceServer } from './inference/server.ts';

const number = (name: string, fallback: number, min: number, max: number): number =>
  readNumber(process.env, { name, fallback, min, max });

const host = readText(process.env, 'HOST', '127.0.0.1');
const port = number('PORT', 8080, 0, 65535);
const model = createModel(number('INFERENCE_LAYERS', 4, 1, 64));
const inference = createInferenceServer(model, {
  workers: number('INFERENCE_WORKERS', 2, 1, 64),
  waitingMax: number('INFERENCE_WAITING_MAX', 14, 0, 10_000),
  deviceMsPerToken: number('INFERENCE_DEVICE_MS_PER_TOKEN', 1.92, 0, 1000),
  tokensPerStep: number('INFERENCE_TOKENS_PER_STEP', 25, 1, 1000),
  tokensMax: number('INFERENCE_TOKENS_MAX', 512, 1, 100_000),
  bodyBytesMax: number('INFERENCE_BODY_BYTES_MAX', 65_536, 1, 16_777_216),
  lameDuckMs: number('INFERENCE_LAME_DUCK_MS', 700, 0, 60_000),
});

inference.server.listen(port, host, () => {
  const address = inference.server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  console.log(`demo-inference serves on ${host}:${bound}`);
});
inference.server.on('error', (error) => {
  console.error(`demo-inference cannot serve: ${error.message}`);
  process.exit(1);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    void inference.stop().then(() => process.exit(0));
  });
}
