/**
 * API keys: who may call, and as what. A key is 256 random bits, so its SHA-256 needs no salt and
 * no slow hash; the file holds hashes alone and a reader of it can call nothing. Keys are compared
 * in constant time. Guesses are not rate-limited: 2^256 cannot be guessed at any rate, and a limit
 * per address would lock out the agents that share one with a misconfigured client.
 *
 * File: a YAML list, one key per line, so that adding is appending and revoking is deleting a line:
 *   - { id: 1f2e3d4c5b6a, name: "ops", role: operator, created: "2026-11-21", sha256: "…" }
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { parse } from 'yaml';
import { z } from 'zod';

import { SchemaError, parseWith } from '../schemas/fault.ts';

/** Each role may do what the ones before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const API_KEYS_MAX = 10_000;

export interface Principal {
  /** Public part of the key; `anonymous` when no key is configured. */
  readonly keyId: string;
  readonly name: string;
  readonly role: Role;
}

export interface ApiKeyStore {
  /** Authentication is on while this is not 0. */
  readonly size: number;
  /** Whose key this is; null when it is nobody's. */
  find(presented: string): Principal | null;
}

export interface ReloadableApiKeys extends ApiKeyStore {
  /**
   * Reads the file again. Keeps the keys that it had when the file is wrong, missing or empty: a
   * truncated file must not open the API.
   * @throws ApiKeyFileError
   */
  reload(): Promise<void>;
}

export class ApiKeyFileError extends Error {
  override readonly name = 'ApiKeyFileError';
}

export interface CreatedKey {
  /** Shown once, stored nowhere. */
  readonly key: string;
  /** The line for the file, with its line feed. */
  readonly line: string;
}

const KEY = /^omk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/u;
const NAME = /^[A-Za-z0-9._-]{1,63}$/u;

const entry = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/u, { error: 'expected 12 hexadecimal digits, quoted' }),
  name: z.string().regex(NAME, { error: 'expected 1 to 63 characters of A-Z a-z 0-9 . _ -' }),
  role: z.enum(ROLES, { error: `expected one of ${ROLES.join(', ')}` }),
  created: z.string().optional(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/u, { error: 'expected 64 hexadecimal digits, quoted' }),
});

const file = z.array(entry, { error: 'expected a list of keys' }).max(API_KEYS_MAX);

/**
 * Makes a key.
 * @throws ApiKeyFileError when the name could not be read back.
 */
export function createKey(name: string, role: Role, nowMs: number): CreatedKey {
  if (!NAME.test(name)) {
    throw new ApiKeyFileError('a name has 1 to 63 characters of A-Z a-z 0-9 . _ -');
  }
  const id = randomBytes(6).toString('hex');
  const key = `omk_${id}_${randomBytes(32).toString('base64url')}`;
  const created = new Date(nowMs).toISOString().slice(0, 10);
  const sha256 = hashOf(key).toString('hex');
  const line = `- { id: "${id}", name: "${name}", role: ${role}, created: "${created}", sha256: "${sha256}" }\n`;
  return { key, line };
}

/**
 * Reads the text of a key file; an empty text holds no key.
 * @throws SchemaError with every fault, ApiKeyFileError when it is not YAML
 */
export function parseApiKeys(text: string): ApiKeyStore {
  const entries = parseWith(file, parseYaml(text) ?? []);
  const ids = new Map(entries.map((one) => [one.id, one]));
  const names = new Set(entries.map((one) => one.name));
  if (ids.size < entries.length || names.size < entries.length) {
    throw new SchemaError([{ pointer: '', message: 'an id or a name is used by two keys' }]);
  }
  return { size: entries.length, find: (presented) => findIn(ids, presented) };
}

/**
 * Reads a key file.
 * @throws ApiKeyFileError that names the file and every fault in it
 */
export async function loadApiKeys(path: string): Promise<ReloadableApiKeys> {
  let store = await readStore(path);
  return {
    get size() {
      return store.size;
    },
    find: (presented) => store.find(presented),
    reload: async () => {
      const fresh = await readStore(path);
      if (fresh.size === 0 && store.size > 0) {
        throw new ApiKeyFileError(`${path}: holds no key any more; the keys from before stay`);
      }
      store = fresh;
    },
  };
}

async function readStore(path: string): Promise<ApiKeyStore> {
  try {
    return parseApiKeys(await readFile(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ApiKeyFileError(`cannot read the API keys of ${path}: ${why}`, { cause });
  }
}

function parseYaml(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new ApiKeyFileError('the key file is not YAML', { cause });
  }
}

type Entry = z.output<typeof entry>;

/** Compared with when no key has the id, so that the time taken says nothing. */
const NOBODY = hashOf(randomBytes(32).toString('hex'));

function findIn(ids: ReadonlyMap<string, Entry>, presented: string): Principal | null {
  const found = ids.get(KEY.exec(presented)?.[1] ?? '');
  const expected = found === undefined ? NOBODY : Buffer.from(found.sha256, 'hex');
  if (!timingSafeEqual(hashOf(presented), expected) || found === undefined) return null;
  return { keyId: found.id, name: found.name, role: found.role };
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}
