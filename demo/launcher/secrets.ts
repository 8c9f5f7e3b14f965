/**
 * The secrets of the stack in containers: makes those that are missing, with values that nobody can
 * guess, and never writes over one that is there. The folder is this user's alone (0700); the files in
 * it may be read by everybody (0644), because containers see them as they are and each runs as a user of
 * its own. What only a person can know, the addresses to page at, gets a value that leads nowhere.
 */

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

export interface SecretFile {
  readonly name: string;
  readonly meaning: string;
}

/** In the order in which they are made and shown; docker-compose.yml names the same. */
export const SECRETS = [
  random('cluster-secret', 'what members prove to each other'),
  random('database-admin-password', 'PostgreSQL’s superuser, postgres'),
  random('database-password', 'PostgreSQL’s user of the control plane, omnimind'),
  random('grafana-admin-password', 'Grafana’s user admin'),
  random('grafana-reader-password', 'PostgreSQL’s user of Grafana, grafana_reader'),
  random('redis-password', 'Redis'),
  apiKey('api-key-viewer', 'viewer', 'API key that may read; Prometheus has it'),
  apiKey('api-key-agent', 'operator', 'API key of the agent'),
  apiKey('api-key-operator', 'operator', 'API key that may change; Alertmanager has it'),
  apiKey('api-key-admin', 'admin', 'API key that may do everything; for you'),
  placeholder(
    'slack-webhook-url',
    'https://slack.invalid/write-the-url-of-your-incoming-webhook-here',
    'Slack’s incoming webhook: replace it with yours',
  ),
  placeholder(
    'pagerduty-routing-key',
    // Alertmanager takes the key as a template: of this one nothing is left, and a page without a key
    // ends before it is sent. Any other text would go to PagerDuty, with the alert.
    '{{- /* write the routing key of your service here, instead of this */ -}}',
    'PagerDuty’s Events API v2: replace it with the key of your service',
  ),
] as const satisfies readonly (SecretFile & { readonly make: Make })[];

/** Hashes of the API keys, for the members. */
export const KEY_FILE: SecretFile = { name: 'api-keys', meaning: 'hashes of the API keys' };

export interface SecretsReport {
  readonly directory: string;
  /** Names of those that were missing. */
  readonly made: readonly string[];
  /** Names of those that lead nowhere until a person has filled them in. */
  readonly unset: readonly string[];
}

/**
 * @throws Error when the API keys and the file of their hashes do not belong together any more, or a
 * file is not this user's
 */
export function ensureSecrets(root: string, makeKey: MakeKey = runApiKey): SecretsReport {
  const directory = join(root, '.secrets');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  refuseLostHashes(directory);
  const made: string[] = [];
  for (const { name, make } of SECRETS) {
    if (!existsSync(join(directory, name))) {
      const value = make((keyName, role) =>
        makeKey(root, keyName, role, join(directory, KEY_FILE.name)),
      );
      writeOnce(directory, name, `${value}\n`);
      made.push(name);
    }
    chmodSync(join(directory, name), 0o644);
  }
  chmodSync(join(directory, KEY_FILE.name), 0o644);
  return { directory, made, unset: SECRETS.filter(isUnset(directory)).map(({ name }) => name) };
}

/** What a person is told: where they are and what is left to do; never a value. */
export function describeSecrets({ directory, made, unset }: SecretsReport): readonly string[] {
  const width = Math.max(...SECRETS.map(({ name }) => name.length)) + 2;
  const state = (name: string): string => (made.includes(name) ? 'made' : 'kept');
  return [
    `secrets in ${directory}`,
    ...[...SECRETS, KEY_FILE].map(
      ({ name, meaning }) =>
        `  ${name.padEnd(width)}${name === KEY_FILE.name ? '    ' : state(name)}  ${meaning}`,
    ),
    ...unset.map(
      (name) => `nobody is told yet through ${join(directory, name)}: write yours there`,
    ),
  ];
}

/** Adds the hash of a new key to the file, and returns the key. */
export type MakeKey = (root: string, name: string, role: string, keyFile: string) => string;

type Make = (makeKey: (name: string, role: string) => string) => string;

interface MadeSecret extends SecretFile {
  readonly make: Make;
  /** What stands there until a person has filled it in; null for a value that is final. */
  readonly placeholder: string | null;
}

/** 256 bits, in characters that need no quoting anywhere. */
function random(name: string, meaning: string): MadeSecret {
  return { name, meaning, placeholder: null, make: () => randomBytes(32).toString('base64url') };
}

function apiKey(name: string, role: string, meaning: string): MadeSecret {
  return {
    name,
    meaning,
    placeholder: null,
    // Another name each time: the key of a name is never shown again, and a name is given once.
    make: (makeKey) =>
      makeKey(`${name.slice('api-key-'.length)}-${randomBytes(3).toString('hex')}`, role),
  };
}

function runApiKey(root: string, name: string, role: string, keyFile: string): string {
  const script = join(root, 'control-plane', 'api-key.ts');
  const args = [script, '--name', name, '--role', role, '--file', keyFile];
  return execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 }).trim();
}

function placeholder(name: string, value: string, meaning: string): MadeSecret {
  return { name, meaning, placeholder: value, make: () => value };
}

function isUnset(directory: string): (secret: MadeSecret) => boolean {
  return ({ name, placeholder: value }) =>
    value !== null && readFileSync(join(directory, name), 'utf8').trim() === value;
}

/** A key whose hash is gone opens nothing; one is made anew only when a person has taken the old one away. */
function refuseLostHashes(directory: string): void {
  if (existsSync(join(directory, KEY_FILE.name))) return;
  const keys = SECRETS.map(({ name }) => name).filter(
    (name) => name.startsWith('api-key-') && existsSync(join(directory, name)),
  );
  if (keys.length === 0) return;
  throw new Error(
    `${join(directory, KEY_FILE.name)} is gone, and with it what ${keys.join(', ')} are checked against: ` +
      'put it back, or delete those too',
  );
}

/** Complete or not there at all, and never over another: a crash leaves no empty secret. */
function writeOnce(directory: string, name: string, text: string): void {
  const scratch = join(directory, `.${name}.${process.pid}`);
  writeFileSync(scratch, text, { mode: 0o600, flush: true });
  try {
    linkSync(scratch, join(directory, name));
  } finally {
    rmSync(scratch, { force: true });
  }
}
