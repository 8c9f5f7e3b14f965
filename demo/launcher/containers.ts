/**
 * `npm start -- --docker`: the stack of docker-compose.yml by one command. Makes the secrets that are
 * missing, has Compose build and start everything, waits until every container is healthy and says where
 * things are; with --down it ends all of it, the replicas that the plane has made included. It needs
 * Docker Engine with Compose v2 or docker-compose 1.29, and leaves what the containers stored alone.
 */

import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { DockerOptions } from './options.ts';
import { describeSecrets, ensureSecrets } from './secrets.ts';

/** From the moment that Compose has started all, in ms. */
const HEALTHY_WITHIN_MS = 180_000;
const LOOK_EVERY_MS = 1000;
/** One question to Docker, in ms. */
const ASK_TIMEOUT_MS = 30_000;
/** As OMNIMIND_CLUSTER_NAME, which docker-compose.yml leaves at its default; replicas carry it as a label. */
const REPLICAS = 'label=omnimind.cluster=omnimind';

type Print = (line: string) => void;

/** Resolves with the exit code. */
export async function runInContainers(
  root: string,
  options: DockerOptions,
  print: Print,
): Promise<number> {
  const compose = await findCompose(root);
  if (compose.kind === 'absent') {
    print(compose.message);
    return 1;
  }
  const project = [...compose.command, ...(options.demo ? ['--profile', 'demo'] : [])];
  if (options.action === 'down') return end(root, compose.command, print);
  try {
    for (const line of describeSecrets(ensureSecrets(root))) print(line);
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return 1;
  }
  const startedMs = performance.now();
  const code = await runShown(root, [...project, 'up', '--build', '--detach']);
  if (code !== 0) return code;
  const sick = await waitUntilHealthy(root, project);
  if (sick.length > 0) {
    print(`not healthy after ${HEALTHY_WITHIN_MS / 1000} s: ${sick.join(', ')}`);
    print(`see ${compose.command.join(' ')} logs SERVICE`);
    return 1;
  }
  print(`up and healthy in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
  for (const line of await placesOf(root, project)) print(line);
  print('it runs until told to end: npm start -- --docker --down');
  return 0;
}

type Compose =
  | { readonly kind: 'found'; readonly command: readonly string[] }
  | { readonly kind: 'absent'; readonly message: string };

async function findCompose(root: string): Promise<Compose> {
  const engine = await ask(root, ['docker', 'version', '--format', '{{.Server.Version}}']);
  if (engine.code !== 0) {
    const why = engine.text.split('\n').at(-1) ?? '';
    return { kind: 'absent', message: `--docker needs a Docker Engine that runs (${why})` };
  }
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    if ((await ask(root, [...command, 'version'])).code === 0) return { kind: 'found', command };
  }
  return { kind: 'absent', message: '--docker needs Compose v2, or docker-compose 1.29' };
}

/** Names and states of the containers that are not healthy when the time is over. */
async function waitUntilHealthy(
  root: string,
  project: readonly string[],
): Promise<readonly string[]> {
  const deadlineMs = performance.now() + HEALTHY_WITHIN_MS;
  for (;;) {
    const sick = await findSick(root, project);
    if (sick.length === 0 || performance.now() > deadlineMs) return sick;
    await delay(LOOK_EVERY_MS);
  }
}

async function findSick(root: string, project: readonly string[]): Promise<readonly string[]> {
  const ids = await ask(root, [...project, 'ps', '--quiet']);
  if (ids.code !== 0) return [ids.text];
  const format = '{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}';
  const found = ids.text.split('\n').filter((id) => id !== '');
  if (found.length === 0) return ['there is no container'];
  const states = await ask(root, ['docker', 'inspect', '--format', format, ...found]);
  const lines = states.text.split('\n').map((line) => line.replace(/^\//, '').trim());
  return lines.filter((line) => line !== '' && !line.endsWith(' running healthy'));
}

async function placesOf(root: string, project: readonly string[]): Promise<readonly string[]> {
  const where = async (service: string, port: string): Promise<string | null> => {
    const { code, text } = await ask(root, [...project, 'port', service, port]);
    return code === 0 && text !== '' ? `http://${text}` : null;
  };
  const grafana = await where('grafana', '3000');
  const api = await where('api', '7400');
  return [
    ...(grafana === null
      ? []
      : [`  Grafana  ${grafana}  user admin, .secrets/grafana-admin-password`]),
    ...(api === null ? [] : [`  API      ${api}/docs  keys .secrets/api-key-*`]),
  ];
}

/** Members first, so that nobody makes replicas anew; then the replicas, which are no services of Compose. */
async function end(root: string, compose: readonly string[], print: Print): Promise<number> {
  const project = [...compose, '--profile', 'demo'];
  const members = ['control-plane-1', 'control-plane-2', 'control-plane-3'];
  const stopped = await runShown(root, [...project, 'stop', ...members]);
  if (stopped !== 0) return stopped;
  const replicas = await ask(root, ['docker', 'ps', '--all', '--quiet', '--filter', REPLICAS]);
  const ids = replicas.text.split('\n').filter((id) => id !== '');
  if (replicas.code === 0 && ids.length > 0) {
    await ask(root, ['docker', 'rm', '--force', ...ids]);
    print(`removed ${ids.length} containers of replicas`);
  }
  return runShown(root, [...project, 'down']);
}

interface Answer {
  readonly code: number;
  /** Standard output, or standard error when it failed; without blanks around it. */
  readonly text: string;
}

/** Never rejects: a program that is not there answers with 127. */
function ask(root: string, [program = '', ...args]: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const child = spawn(program, args, { cwd: root, stdio, timeout: ASK_TIMEOUT_MS });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.once('error', (error) => resolve({ code: 127, text: error.message }));
    child.once('close', (code) => {
      resolve({ code: code ?? 1, text: (code === 0 ? output : errors).trim() });
    });
  });
}

/** Runs with this process's terminal. A first build takes minutes and shows its progress there. */
function runShown(root: string, [program = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
