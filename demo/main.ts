/**
 * `npm start`: brings up Prometheus, the control plane, an agent and the demo on loopback, prints
 * where they are and every decision that acts, and stops all of it when asked. Runs on loopback alone
 * and installs nothing; what must be installed is the bootstrap's business.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import process from 'node:process';
import { clusterDirectory, prepareCluster } from './launcher/cluster-place.ts';
import { decisionLine, followDecisions } from './launcher/decision-feed.ts';
import { runInContainers } from './launcher/containers.ts';
import { followLeader } from './launcher/leader-feed.ts';
import { HELP, MEMBER_COUNTS, parseOptions } from './launcher/options.ts';
import type { StartOptions } from './launcher/options.ts';
import { fitPrometheusConfig } from './launcher/prometheus-config.ts';
import { runSession, SESSION_LIMITS } from './launcher/session.ts';
import type { PidOf, Plan } from './launcher/session.ts';
import { pickPorts, planeUrls, portsOf, stackStages, urlOf } from './launcher/stack.ts';
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
    case 'docker':
      return runInContainers(root, options, print);
    case 'start':
      return start(options);
  }
}

async function start(options: StartOptions): Promise<number> {
  // Replicas are started as `node …`: on this project's Node, whatever the machine has.
  const bin = join(root, 'node_modules', '.bin');
  process.env['PATH'] = `${bin}${delimiter}${process.env['PATH'] ?? ''}`;
  const data = resolve(options.data ?? join(root, '.data', 'start'));
  const lifeline = process.env['DEMO_LIFELINE_FD'];
  Reflect.deleteProperty(process.env, 'DEMO_LIFELINE_FD');
  return runSession({
    directory: data,
    workingDirectory: root,
    plan: () => makePlan(data, options),
    request: listenForStop(lifeline === undefined ? null : Number(lifeline)),
    print,
    limits: SESSION_LIMITS,
  });
}

async function makePlan(data: string, options: StartOptions): Promise<Plan> {
  const folders = ['prometheus', 'control-plane', 'discovery'].map((name) => join(data, name));
  const clusters = MEMBER_COUNTS.map((count) => clusterDirectory(data, count));
  for (const folder of options.fresh ? [...folders, ...clusters] : []) {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const { members, freePorts } = options;
  const cluster = members === 1 ? null : await prepareCluster(data, members, freePorts);
  const places: Places = { root, data, cluster };
  const ports = await pickPorts(options);
  const configDirectory = join(places.root, 'prometheus');
  const config = fitPrometheusConfig(
    readFileSync(join(configDirectory, 'prometheus.yml'), 'utf8'),
    {
      planeAddresses: ports.planes.map((port) => `127.0.0.1:${port}`),
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
    ports: portsOf(ports, cluster),
    whenUp(seconds, signal, pidOf) {
      printTable(seconds, places, ports, options);
      if (cluster !== null) showLeaders(ports, signal, pidOf);
      void followDecisions(
        {
          planeUrls: planeUrls(ports),
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

/** One line now, and one for each leader after that. */
function showLeaders(ports: Ports, signal: AbortSignal, pidOf: PidOf): void {
  void followLeader(
    {
      planeUrls: planeUrls(ports),
      intervalMs: 500,
      onLeader({ leaderId, term }) {
        const time = new Date().toTimeString().slice(0, 8);
        print(`${time}  ${leaderId} (pid ${pidOf(leaderId) ?? '?'}) leads since term ${term}`);
      },
    },
    signal,
  );
}

function printTable(seconds: number, places: Places, ports: Ports, options: StartOptions): void {
  const [url = ''] = planeUrls(ports);
  const members = (places.cluster?.members ?? []).map(
    ({ memberId }, index) => [memberId, `${planeUrls(ports)[index] ?? ''}/docs`] as const,
  );
  const rows: readonly (readonly [string, string])[] = [
    ['control plane', `${url}/docs`],
    ...members,
    ...(members.length === 0 ? [] : [['who leads', `${url}/v1/members`] as const]),
    ...(members.length === 0 ? [] : [['elections', `${url}/v1/elections`] as const]),
    ['decisions', `${url}/v1/decisions`],
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
