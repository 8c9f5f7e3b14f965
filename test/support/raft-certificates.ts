/** A certificate authority, and certificates of it, made on the spot by openssl and never kept. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { RaftTls } from '../../control-plane/adapters/raft/tls.ts';

const run = promisify(execFile);
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const;

export interface TestAuthority {
  /** Of the id as DNS name and common name. */
  issue(id: string): Promise<RaftTls>;
  remove(): Promise<void>;
}

export async function createAuthority(): Promise<TestAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'omnimind-raft-tls-'));
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: readonly string[]): Promise<unknown> =>
    run('openssl', args, { cwd: directory, timeout: 20_000 });
  await openssl(
    ...['req', '-x509', ...CURVE, '-days', '1', '-subj', '/CN=test authority'],
    ...['-keyout', 'ca.key', '-out', 'ca.pem'],
  );
  return {
    issue: async (id) => {
      await openssl(
        ...['req', ...CURVE, '-subj', `/CN=${id}`, '-keyout', `${id}.key`, '-out', `${id}.csr`],
      );
      await writeFile(at(`${id}.ext`), `subjectAltName=DNS:${id}\n`);
      await openssl(
        ...['x509', '-req', '-in', `${id}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key'],
        ...['-CAcreateserial', '-days', '1', '-extfile', `${id}.ext`, '-out', `${id}.pem`],
      );
      const [ca, cert, key] = await Promise.all(
        ['ca.pem', `${id}.pem`, `${id}.key`].map((name) => readFile(at(name), 'utf8')),
      );
      return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
