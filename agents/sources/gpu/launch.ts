/**
 * Starts the GPU child: this Node, the child's entry, its settings as one argument, a short
 * environment (it needs no secret of the agent's) and a session of its own, so that a Ctrl-C in the
 * terminal reaches the agent alone and the agent stops it in order.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import type { ChildSettings } from './settings.ts';
import type { LaunchedChild } from './supervisor.ts';

/** What the dynamic loader, NVML and the tool read. */
const ENVIRONMENT = [
  'PATH',
  'LD_LIBRARY_PATH',
  'HOME',
  'NVIDIA_VISIBLE_DEVICES',
  'TMPDIR',
] as const;

export function launchGpuChild(entry: string, settings: ChildSettings): LaunchedChild {
  const child = spawn(process.execPath, [...nodeFlags(entry), entry, JSON.stringify(settings)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: environment(),
  });
  // Without a process (no memory, no descriptor, no such file) the streams may be missing too.
  if (child.pid === undefined) return failedChild(child);
  // A child that is gone answers a closing stdin with EPIPE; onExit tells it already.
  child.stdin.on('error', () => undefined);
  return {
    onBytes: (take) => void child.stdout.on('data', take),
    onExit(take) {
      let isTold = false;
      const tell = (signal: NodeJS.Signals | null): void => {
        if (!isTold) take(signal);
        isTold = true;
      };
      // Lines written just before the end are read first: exit, then the end of the pipe.
      child.once('close', (_code, signal) => tell(signal));
      // A signal that could not be sent; the process tells of its end itself.
      child.once('error', () => undefined);
    },
    kill: (signal) => void child.kill(signal),
    release() {
      child.stdin.destroy();
      child.stdout.destroy();
      child.unref();
    },
  };
}

function failedChild(child: ChildProcess): LaunchedChild {
  return {
    onBytes: () => undefined,
    onExit: (take) => void child.once('error', () => take(null)),
    kill: () => undefined,
    release: () => undefined,
  };
}

/**
 * A bundle runs without the JIT and with few threads: it calls into the driver twice a minute or
 * a second, and memory counts. A TypeScript source needs the JIT: stripping types is WebAssembly.
 */
function nodeFlags(entry: string): readonly string[] {
  return entry.endsWith('.ts') ? ['--v8-pool-size=1'] : ['--jitless', '--v8-pool-size=0'];
}

function environment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { UV_THREADPOOL_SIZE: '2' };
  for (const name of ENVIRONMENT) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
