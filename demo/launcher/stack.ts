/**
 * The processes of `npm start`, their order, ports and settings. The product runs as its users run
 * it: as processes, configured by environment and files, reached over HTTP.
 */

import { join } from 'node:path';
import process from 'node:process';
import type { ClusterPlace } from './cluster-place.ts';
import { MEMBER_NODE_ARGUMENTS, memberSpecs } from './members.ts';
import type { StartOptions } from './options.ts';
import { pickPort, pickPortBlock } from './ports.ts';
import type { ProcessSpec } from './process-spec.ts';

export interface Ports {
  /** Of the API of each member. */
  readonly planes: readonly number[];
  readonly agent: number;
  readonly prometheus: number;
  readonly front: number;
  readonly load: number;
  /** `from-to`, for the replicas. */
  readonly replicas: string;
}

export interface Places {
  /** The project's root: working directory of all. */
  readonly root: string;
  readonly data: string;
  /** Null for a control plane of one member. */
  readonly cluster: ClusterPlace | null;
}

export async function pickPorts(options: StartOptions): Promise<Ports> {
  const pick = (usual: number): Promise<number> => pickPort(options.freePorts ? 0 : usual);
  const planes: number[] = [];
  for (let nth = 0; nth < options.members; nth += 1) planes.push(await pick(7400 + nth));
  return {
    planes,
    agent: await pick(7410),
    prometheus: await pick(9090),
    front: await pick(7420),
    load: await pick(7421),
    replicas: await pickPortBlock(21_000, 100, 20),
  };
}

/** All that must be free again when the run has ended. */
export function portsOf(ports: Ports, cluster: ClusterPlace | null): readonly number[] {
  const { planes, agent, prometheus, front, load } = ports;
  const raft = cluster?.members.map(({ raftPort }) => raftPort) ?? [];
  return [...planes, ...raft, agent, prometheus, front, load];
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** Of the members: any of them answers for all. */
export function planeUrls(ports: Ports): readonly string[] {
  return ports.planes.map(urlOf);
}

/** Stage by stage, each ready before the next; the load comes last, when there are replicas. */
export function stackStages(
  places: Places,
  ports: Ports,
  options: StartOptions,
): readonly (readonly ProcessSpec[])[] {
  const stages = [
    [prometheusSpec(places, ports), ...planeSpecs(places, ports)],
    [agentSpec(ports), frontSpec(ports)],
  ];
  return options.load ? [...stages, [loadSpec(ports, options.seed)]] : stages;
}

function prometheusSpec(places: Places, ports: Ports): ProcessSpec {
  return {
    name: 'prometheus',
    // Found by PATH, where the bootstrap has put it when the machine had none.
    command: 'prometheus',
    arguments: [
      `--config.file=${join(places.data, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(places.data, 'prometheus')}`,
      '--storage.tsdb.retention.time=15d',
      `--web.listen-address=127.0.0.1:${ports.prometheus}`,
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
    ],
    environment: {},
    readinessUrl: `${urlOf(ports.prometheus)}/-/ready`,
    onExit: 'end',
    stopOrder: 3,
    stopGraceMs: 1000,
    mark: null,
  };
}

function planeSpecs(places: Places, ports: Ports): readonly ProcessSpec[] {
  const { root, cluster } = places;
  const shared = {
    ...withUserSettings({ OMNIMIND_TICK_INTERVAL: '5s', OMNIMIND_UPKEEP_INTERVAL: '1s' }),
    OMNIMIND_PROMETHEUS_URL: urlOf(ports.prometheus),
    OMNIMIND_DISCOVERY_DIR: join(places.data, 'discovery'),
    OMNIMIND_LOCAL_PROCESS: 'on',
    OMNIMIND_LOCAL_PROCESS_PORTS: ports.replicas,
  };
  if (cluster !== null) return memberSpecs(cluster, ports.planes, { root, shared });
  const [port = 0] = ports.planes;
  const environment = {
    ...shared,
    OMNIMIND_LISTEN: `127.0.0.1:${port}`,
    OMNIMIND_DATA_DIR: join(places.data, 'control-plane'),
    OMNIMIND_DOCUMENTS_DIR: join(root, 'demo', 'documents'),
    OMNIMIND_LOCAL_PROCESS_ON_STOP: 'stop',
  };
  return [
    {
      ...script('control-plane', ...MEMBER_NODE_ARGUMENTS, 'control-plane/main.ts'),
      environment,
      readinessUrl: `${urlOf(port)}/readyz`,
      onExit: 'restart',
      stopOrder: 2,
      stopGraceMs: 2300,
      // It stops its replicas itself.
      mark: null,
    },
  ];
}

function agentSpec(ports: Ports): ProcessSpec {
  return {
    ...script('agent', 'agents/main.ts'),
    environment: {
      ...withUserSettings({ OMNIMIND_AGENT_CAPABILITIES: 'inference' }),
      OMNIMIND_AGENT_HOST: '127.0.0.1',
      OMNIMIND_AGENT_PORT: String(ports.agent),
      OMNIMIND_AGENT_CONTROL_PLANE_URLS: planeUrls(ports).join(','),
    },
    readinessUrl: `${urlOf(ports.agent)}/readyz`,
    onExit: 'restart',
    stopOrder: 1,
    stopGraceMs: 400,
    mark: null,
  };
}

function frontSpec(ports: Ports): ProcessSpec {
  return {
    ...script('front', 'demo/front.ts'),
    environment: {
      PORT: String(ports.front),
      FRONT_CONTROL_PLANE_URLS: planeUrls(ports).join(','),
      FRONT_WORKLOAD: 'demo-inference',
    },
    readinessUrl: `${urlOf(ports.front)}/readyz`,
    onExit: 'end',
    stopOrder: 1,
    stopGraceMs: 400,
    mark: null,
  };
}

function loadSpec(ports: Ports, seed: number): ProcessSpec {
  return {
    ...script('load', 'demo/load.ts'),
    environment: {
      PORT: String(ports.load),
      LOAD_FRONT_URL: urlOf(ports.front),
      LOAD_SEED: String(seed),
    },
    readinessUrl: `${urlOf(ports.load)}/readyz`,
    onExit: 'end',
    stopOrder: 0,
    stopGraceMs: 300,
    mark: null,
  };
}

/** A TypeScript file of this project, on the very Node that runs the launcher. */
function script(
  name: string,
  ...args: readonly string[]
): Pick<ProcessSpec, 'name' | 'command' | 'arguments'> {
  return { name, command: process.execPath, arguments: args };
}

/** Defaults of the demo that the user's environment overrides. */
function withUserSettings(defaults: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, process.env[name] ?? value]),
  );
}
