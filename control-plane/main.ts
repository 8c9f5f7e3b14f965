/** Entry of the control plane: environment → config → app → signals. Decides nothing. */

import { readFileSync } from 'node:fs';
import { createApp } from './app.ts';
import { ConfigError, parseConfig } from './config.ts';

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

try {
  await run();
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
}

async function run(): Promise<void> {
  const config = parseConfig(process.env);
  const app = createApp(config, { version: productVersion(), environment: process.env, clock });
  const started = app.start();
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    // A start that is under way ends first: what it still opens has to be closed too.
    void Promise.allSettled([started])
      .then(() => app.stop())
      .then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => void app.reload().catch(console.error));
  await started;
}

function productVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const found: unknown = JSON.parse(text);
  const named = typeof found === 'object' && found !== null && 'version' in found;
  return named ? String(found.version) : 'unknown';
}
