/**
 * What a real agent exposes on this host, read once: the node collector, and where there is a C
 * compiler four GPUs of the stand-in library for NVML. Judges nothing.
 */

import { startAgent } from '../../agents/agent.ts';
import { parseConfig } from '../../agents/config.ts';
import { createBench, noCompiler } from '../support/nvml-stand-in/harness.ts';
import { pollUntil } from '../support/process.ts';

/** In the text format. @throws when the agent does not start or shows no metrics. */
export async function captureExposition(): Promise<string> {
  if (noCompiler() !== null) return capture({ OMNIMIND_AGENT_COLLECTOR_GPU: 'off' }, /node_load1 /);
  const bench = createBench();
  try {
    bench.control({ gpus: 4 });
    const settings = {
      OMNIMIND_AGENT_GPU_BACKEND: 'nvml',
      OMNIMIND_AGENT_GPU_NVML_LIBRARY: bench.libraryPath,
      OMNIMIND_AGENT_GPU_POLL_INTERVAL: '1s',
    };
    return await capture(settings, /^omnimind_gpu_available 1$/m);
  } finally {
    bench.dispose();
  }
}

/** Series of an exposition. */
export function seriesIn(exposition: string): number {
  return exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}

async function capture(settings: Readonly<Record<string, string>>, complete: RegExp) {
  const parsed = parseConfig({ OMNIMIND_AGENT_PORT: '0', ...settings });
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.join('; '));
  const agent = await startAgent(parsed.config, { log: () => undefined });
  try {
    const url = `http://127.0.0.1:${agent.address.port}/metrics`;
    return await pollUntil('a whole exposition', 15_000, async () => {
      const answer = await fetch(url);
      const text = await answer.text();
      return complete.test(text) ? text : null;
    });
  } finally {
    await agent.stop();
  }
}
