/** Entry of the control plane: environment → config → app → signals. Decides nothing. */

import { readFileSync } from 'node:fs';
import { createApp } from './app.ts';
import { explainStartFailure } from './composition/start-failure.ts';
import { parseConfig } from './config.ts';
import type { Config } from './config.ts';

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
let config: Config | null = null;

try {
  config = parseConfig(process.env);
  await run(config);
} catch (error) {
  const failure = explainStartFailure(error, config);
  console.error(failure?.message ?? error);
  process.exit(failure?.exitCode ?? 1);
}

/** Resolves once the API listens, or once a signal has ended the start. */
async function run(configured: Config): Promise<void> {
  const version = productVersion();
  const app = createApp(configured, { version, environment: process.env, clock });
  const stopping = new AbortController();
  const stop = (): void => {
    // Told twice, it does not wait for anything any more.
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
    void app.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => void app.reload());
  try {
    await app.start();
  } catch (error) {
    // The start was told to stop: that is no failure of it.
    if (!stopping.signal.aborted) throw error;
  }
}

function productVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const found: unknown = JSON.parse(text);
  const named = typeof found === 'object' && found !== null && 'version' in found;
  return named ? String(found.version) : 'unknown';
}
