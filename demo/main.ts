/**
 * `npm start`: brings up Prometheus, the control plane, an agent and the demo on loopback, prints
 * where they are and every decision that acts, and stops all of it when asked. Runs on loopback alone
 * and installs nothing; what must be installed is the bootstrap's business.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import process from 'node:process';
import { decisionLine, followDecisions } from './launcher/decision-feed.ts';
import { HELP, parseOptions } from './launcher/options.ts';
import type { StartOptions } from './launcher/options.ts';
import { fitPrometheusConfig } from './launcher/prometheus-config.ts';
import { runSession, SESSION_LIMITS } from './launcher/session.ts';
import type { Plan } from './launcher/session.ts';
import { pickPorts, stackStages, urlOf } from './launcher/stack.ts';
import type { Places, Ports } from './launcher/stack.ts';
import { listenForStop } from './launcher/stop-request.ts';
import { readP95 } from './launcher/user-latency.ts';

const root = resolve(import.meta.dirname, '..');
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  switch (options.kind) {
    case 'help':
      print(HELP);
      return 0;
    case 'refused':
      process.stderr.write(`${options.message}\n`);
      return 2;
    case 'start':
      return start(options);
  }
}

async function start(options: StartOptions): Promise<number> {
  // Replicas are started as `node …`: on this project's Node, whatever the machine has.
  const bin = join(root, 'node_modules', '.bin');
  process.env['PATH'] = `${bin}${delimiter}${process.env['PATH'] ?? ''}`;
  const places: Places = {
    root,
    data: resolve(options.data ?? join(root, '.data', 'start')),
  };
  const lifeline = process.env['DEMO_LIFELINE_FD'];
  Reflect.deleteProperty(process.env, 'DEMO_LIFELINE_FD');
  return runSession({
    directory: places.data,
    workingDirectory: root,
    plan: () => makePlan(places, options),
    request: listenForStop(lifeline === undefined ? null : Number(lifeline)),
    print,
    limits: SESSION_LIMITS,
  });
}

async function makePlan(places: Places, options: StartOptions): Promise<Plan> {
  const folders = ['prometheus', 'control-plane', 'discovery'].map((name) =>
    join(places.data, name),
  );
  if (options.fresh) for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const ports = await pickPorts(options);
  const configDirectory = join(places.root, 'prometheus');
  const config = fitPrometheusConfig(
    readFileSync(join(configDirectory, 'prometheus.yml'), 'utf8'),
    {
      planeAddress: `127.0.0.1:${ports.plane}`,
      prometheusAddress: `127.0.0.1:${ports.prometheus}`,
      configDirectory,
      discoveryDirectory: join(places.data, 'discovery'),
      demoTargets: {
        front: `127.0.0.1:${ports.front}`,
        ...(options.load ? { load: `127.0.0.1:${ports.load}` } : {}),
      },
    },
  );
  writeFileSync(join(places.data, 'prometheus.yml'), config);
  const sinceMs = Date.now();
  return {
    stages: stackStages(places, ports, options),
    ports: [ports.plane, ports.agent, ports.prometheus, ports.front, ports.load],
    whenUp(seconds, signal) {
      printTable(seconds, places, ports, options);
      void followDecisions(
        {
          planeUrl: urlOf(ports.plane),
          sinceMs,
          intervalMs: 1000,
          onDecision: async (decision) =>
            print(decisionLine(decision, await readP95(urlOf(ports.load)))),
        },
        signal,
      );
    },
  };
}

function printTable(seconds: number, places: Places, ports: Ports, options: StartOptions): void {
  const rows: readonly (readonly [string, string])[] = [
    ['control plane', `${urlOf(ports.plane)}/docs`],
    ['decisions', `${urlOf(ports.plane)}/v1/decisions`],
    ['Prometheus', `${urlOf(ports.prometheus)}/graph`],
    ['agent', `${urlOf(ports.agent)}/metrics`],
    ['demo', `${urlOf(ports.front)}/infer`],
    ...(options.load ? [['load', `${urlOf(ports.load)}/status`] as const] : []),
    ['logs', join(places.data, 'logs')],
  ];
  print(`up in ${seconds.toFixed(1)} s`);
  for (const [name, place] of rows) print(`  ${name.padEnd(15)}${place}`);
  print('every decision that acts, one per line; Ctrl-C stops everything:');
}

process.exit(await main());
