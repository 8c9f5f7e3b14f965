/**
 * The GPU child's entry: settings from argv, back-ends in their order, messages to stdout. It
 * ends when no back-end has anything to read, when one that had fails, and when its parent is gone
 * (stdin closes). It installs no handler for SIGTERM: a handler could not run while a native call
 * hangs, the default action can.
 */

import { createAmdBackend } from '../amd/backend.ts';
import { createSmiBackend } from '../nvidia-smi/backend.ts';
import { createNvmlBackend } from '../nvml/backend.ts';
import { dieWithParent } from '../nvml/library.ts';
import type { RunBackend } from './backend.ts';
import { formatMessage, type ChildMessage } from './protocol.ts';
import { parseChildSettings, type ChildSettings } from './settings.ts';
import type { GpuBackendName } from './snapshot.ts';

const settings = parseChildSettings(process.argv[2]);
const ending = new AbortController();

process.stdin.resume();
process.stdin.once('close', () => ending.abort());
// The parent closed its end: nobody is left to tell.
process.stdout.on('error', () => ending.abort());
ending.signal.addEventListener('abort', () => {
  // Tools are killed by their back-end on the same signal; a stuck thread must not keep the process.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1500).unref();
});

const alive = setInterval(() => send({ kind: 'alive' }), settings.aliveIntervalMs);
send({ kind: 'alive' });
await runBackends();
clearInterval(alive);
process.stdin.destroy();
process.exit();

async function runBackends(): Promise<void> {
  let isAbsent = true;
  for (const name of settings.backends) {
    if (name === 'nvml') await dieWithParent();
    const seen = new Set<ChildMessage['kind']>();
    const end = await backendOf(name, settings)((message) => {
      seen.add(message.kind);
      send(message);
    }, ending.signal);
    if (ending.signal.aborted) return;
    send({ kind: 'failure', backend: name, ...end });
    if (seen.has('snapshot')) return;
    isAbsent &&= end.failure === 'not_installed' || end.failure === 'no_device';
  }
  if (isAbsent) send({ kind: 'absent' });
}

function backendOf(name: GpuBackendName, all: ChildSettings): RunBackend {
  switch (name) {
    case 'nvml':
      return createNvmlBackend(all);
    case 'smi':
      return createSmiBackend(all);
    case 'amd':
      return createAmdBackend(all);
  }
}

function send(message: ChildMessage): void {
  process.stdout.write(formatMessage(message));
}
