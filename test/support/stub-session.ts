/**
 * A whole session of the launcher over stub processes, as a process of its own that tests can send
 * signals to. argv: the data directory, then the stages as JSON: [[{name, port, onExit, stopOrder,
 * environment}]].
 */

import { join } from 'node:path';
import process from 'node:process';
import type { OutlivingMark, ProcessSpec } from '../../demo/launcher/process-spec.ts';
import { runSession, SESSION_LIMITS } from '../../demo/launcher/session.ts';
import { listenForStop } from '../../demo/launcher/stop-request.ts';

export interface StubSpec {
  readonly name: string;
  readonly port: number;
  readonly onExit?: 'restart' | 'end';
  readonly stopOrder?: number;
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly mark?: OutlivingMark;
}

function specOf(stub: StubSpec): ProcessSpec {
  return {
    name: stub.name,
    command: stub.command ?? process.execPath,
    arguments: [join(import.meta.dirname, 'stub-process.ts')],
    environment: { PORT: String(stub.port), STUB_NAME: stub.name, ...stub.environment },
    readinessUrl: `http://127.0.0.1:${stub.port}/`,
    onExit: stub.onExit ?? 'end',
    stopOrder: stub.stopOrder ?? 0,
    stopGraceMs: 800,
    mark: stub.mark ?? null,
  };
}

if (import.meta.main) {
  const [directory = '', stagesJson = '[]'] = process.argv.slice(2);
  const stages = JSON.parse(stagesJson) as readonly (readonly StubSpec[])[];
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const lifeline = process.env['DEMO_LIFELINE_FD'];
  const code = await runSession({
    directory,
    workingDirectory: join(import.meta.dirname, '..', '..'),
    plan: () =>
      Promise.resolve({
        stages: stages.map((stage) => stage.map((stub) => specOf(stub))),
        ports: stages.flat().map((stub) => stub.port),
        whenUp: (seconds) => print(`up in ${seconds.toFixed(1)} s`),
      }),
    request: listenForStop(lifeline === undefined ? null : Number(lifeline)),
    print,
    limits: {
      ...SESSION_LIMITS,
      readyWithinMs: 8000,
      stopWithinMs: 2500,
      sweepMs: 50,
      restartDelayMs: 50,
    },
  });
  process.exit(code);
}
