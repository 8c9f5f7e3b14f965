/**
 * A stack of docker-compose.yml on this machine's engine, for the test that breaks it: started under a
 * project name of its own, asked over its published front, ended with its volumes and the replicas that it
 * made. Services without an image here are left out and named.
 */

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { composeFile } from './compose-file.ts';
import { pollUntil } from './process.ts';
import { ROOT } from './source-tree.ts';

const run = promisify(execFile);

export interface Stack {
  readonly services: readonly string[];
  /** Services that have no image here. */
  readonly leftOut: readonly string[];
  readonly url: string;
  compose(...args: string[]): Promise<string>;
  /** Name of the container of a service. */
  container(service: string): Promise<string>;
  waitUntilHealthy(withinMs: number): Promise<void>;
  down(): Promise<void>;
}

export const REPLICAS = 'label=omnimind.cluster=omnimind';

/** Output of a command; rejects with what it wrote when it fails. */
export async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args, {
    cwd: ROOT,
    timeout: 600_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, DOCKER_BUILDKIT: process.env['DOCKER_BUILDKIT'] ?? '0' },
  });
  return stdout.trim();
}

/** Why there can be no stack on this machine now; null when there can. */
export async function whyNoStack(): Promise<string | null> {
  const engine = await output('docker', 'info', '--format', '{{.ServerVersion}}').catch(() => null);
  if (engine === null || engine === '') return 'there is no Docker Engine that runs';
  if ((await composeCommand()) === null) return 'there is neither Compose v2 nor docker-compose';
  if (!(await hasImage('node:24-slim'))) return 'the image node:24-slim is not there';
  const missing: string[] = [];
  for (const service of ['postgres', 'docker-proxy', 'prometheus']) {
    const image = composeFile().services[service]?.image ?? '';
    if (!(await hasImage(image))) missing.push(image);
  }
  if (missing.length > 0) return `without the image ${missing.join(', ')} the stack does not start`;
  const others = await output(
    'docker',
    'network',
    'ls',
    '--quiet',
    '--filter',
    'name=^omnimind-demo$',
  );
  return others === '' ? null : 'another stack of this kind runs on the engine';
}

export async function createStack(apiPort: number): Promise<Stack> {
  const command = await composeCommand();
  if (command === null) throw new Error('there is no Compose');
  const [program = '', ...first] = command;
  const project = `omnimind-test-${process.pid}`;
  process.env['OMNIMIND_API_PORT'] = String(apiPort);
  const all = Object.entries(composeFile().services);
  const services: string[] = [];
  for (const [name, service] of all) {
    if (service.build !== undefined || (await hasImage(service.image))) services.push(name);
  }
  const compose = (...args: string[]): Promise<string> =>
    output(program, ...first, '--project-name', project, '--profile', 'demo', ...args);
  return {
    services,
    leftOut: all.map(([name]) => name).filter((name) => !services.includes(name)),
    url: `http://127.0.0.1:${apiPort}`,
    compose,
    async container(service) {
      // Asked of Docker itself, which answers in a tenth of the time.
      const label = (name: string, value: string): string[] => [
        '--filter',
        `label=com.docker.compose.${name}=${value}`,
      ];
      const filters = [...label('project', project), ...label('service', service)];
      return output('docker', 'ps', '--all', ...filters, '--format', '{{.Names}}');
    },
    async waitUntilHealthy(withinMs) {
      const ids = (await compose('ps', '--quiet')).split('\n').filter((id) => id !== '');
      const format = '{{.Name}} {{.State.Status}} {{.State.Health.Status}}';
      let sick: readonly string[] = [];
      await pollUntil('every container is healthy', withinMs, async () => {
        const states = await output('docker', 'inspect', '--format', format, ...ids);
        sick = states.split('\n').filter((line) => !line.endsWith(' running healthy'));
        return sick.length === 0;
      }).catch((error: unknown) => {
        throw new Error(`not healthy: ${sick.join(', ')}`, { cause: error });
      });
    },
    async down() {
      const members = services.filter((name) => name.startsWith('control-plane-'));
      await compose('stop', ...members).catch(() => '');
      const replicas = await output('docker', 'ps', '--all', '--quiet', '--filter', REPLICAS);
      const ids = replicas.split('\n').filter((id) => id !== '');
      if (ids.length > 0) await output('docker', 'rm', '--force', ...ids);
      await compose('down', '--volumes');
    },
  };
}

/** Values of the secrets that nobody may see, by name. */
export function secretValues(): ReadonlyMap<string, string> {
  const folder = join(ROOT, '.secrets');
  const shown = ['api-keys', 'slack-webhook-url', 'pagerduty-routing-key'];
  const names = readdirSync(folder).filter((name) => !shown.includes(name));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8').trim()]));
}

async function composeCommand(): Promise<readonly string[] | null> {
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    const [program = '', ...args] = command;
    const version = await output(program, ...args, 'version').catch(() => null);
    if (version !== null) return command;
  }
  return null;
}

async function hasImage(image: string): Promise<boolean> {
  return output('docker', 'image', 'inspect', '--format', '{{.Id}}', image).then(
    () => true,
    () => false,
  );
}
