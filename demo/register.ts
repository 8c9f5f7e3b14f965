/**
 * Tells the control plane of the demo's workload and policy, where they are not known yet, and ends. What
 * a person has changed since stays as it is.
 */

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseAllDocuments } from 'yaml';
import { readText } from './environment.ts';

const COLLECTIONS: Readonly<Record<string, string>> = {
  Workload: 'workloads',
  ScalePolicy: 'policies',
};
const REQUEST_TIMEOUT_MS = 15_000;

const planeUrls = readText(process.env, 'FRONT_CONTROL_PLANE_URLS', 'http://127.0.0.1:7400');
const keyFile = readText(process.env, 'DEMO_REGISTER_KEY_FILE', '');
const documentsFile = readText(
  process.env,
  'DEMO_DOCUMENTS_FILE',
  'demo/documents/demo-inference.yaml',
);

async function main(): Promise<void> {
  const key = keyFile === '' ? null : readFileSync(keyFile, 'utf8').trim();
  for (const parsed of parseAllDocuments(readFileSync(documentsFile, 'utf8'))) {
    const { kind, ...document } = fieldsOf(parsed.toJSON());
    const collection = COLLECTIONS[String(kind)];
    if (collection === undefined) {
      throw new Error(`${documentsFile}: there is no kind ${String(kind)}`);
    }
    const path = `/v1/${collection}/${String(document['id'])}`;
    console.log(`${path}: ${await putIfAbsent(path, document, key)}`);
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** Any member does; the next is asked when one does not answer. */
async function putIfAbsent(path: string, document: unknown, key: string | null): Promise<string> {
  let last = 'no control plane is named';
  for (const url of planeUrls.split(',')) {
    try {
      const response = await fetch(new URL(path, url), {
        method: 'PUT',
        headers: {
          'content-type': 'application/json',
          'if-none-match': '*',
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify(document),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      if (response.status === 201) return 'created';
      if (response.status === 412) return 'is there already';
      last = `HTTP ${response.status} ${(await response.text()).slice(0, 1000)}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
  }
  throw new Error(`${path} was not accepted: ${last}`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
