/** How the metrics source shows who it is, to a server that asks, and what it never shows to anybody. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrometheusSource } from '../../../control-plane/adapters/prometheus/source.ts';
import type {
  PrometheusOptions,
  PrometheusSource,
} from '../../../control-plane/adapters/prometheus/source.ts';
import type { InstantReading } from '../../../control-plane/ports/metrics-source.ts';
import { isInstalled, listenLocally } from '../../support/process.ts';
import { sourceOptions } from '../../support/prometheus-options.ts';
import { createAuthority } from '../../support/raft-certificates.ts';
import type { TestAuthority } from '../../support/raft-certificates.ts';
import { skipBecause } from '../../support/skip.ts';

const AT_MS = 1_800_000_000_000;
const NEVER = new AbortController().signal;
const ANSWER = '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}';
const SERVER_NAME = 'mimir.example';

describe('the credentials of the metrics source', () => {
  const sources: PrometheusSource[] = [];
  const servers: (Server & { closeAllConnections(): void })[] = [];
  let directory: string;
  let seen: http.IncomingMessage[] = [];

  const file = async (name: string, text: string | Uint8Array): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const sourceOf = (baseUrl: string, options: Partial<PrometheusOptions>): PrometheusSource => {
    const limits = { breaker: { failuresMax: 1_000, openMs: 50 } };
    const source = createPrometheusSource(sourceOptions(baseUrl, { limits, ...options }));
    sources.push(source);
    return source;
  };
  const read = async (source: PrometheusSource): Promise<InstantReading> => {
    const [reading] = await source.readInstant(['1 + 1'], AT_MS, NEVER);
    assert.ok(reading !== undefined);
    return reading;
  };
  /** Answers rightly, or with what `spoil` makes of the request. */
  const answering =
    (spoil: ((request: http.IncomingMessage) => [number, string, string]) | null = null) =>
    (request: http.IncomingMessage, response: http.ServerResponse): void => {
      seen.push(request);
      const [status, type, body] = spoil?.(request) ?? [200, 'application/json', ANSWER];
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    };
  const listen = async (server: Server & { closeAllConnections(): void }): Promise<number> => {
    servers.push(server);
    return listenLocally(server);
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-credentials-'));
    seen = [];
  });
  afterEach(async () => {
    for (const source of sources.splice(0)) source.close();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    await rm(directory, { recursive: true });
  });

  it('are the headers of the settings and of the file, as it is at each request', async () => {
    const port = await listen(http.createServer(answering()));
    const headersFile = await file('headers', 'X-Api-Key: first-key\n');
    const basicAuthFile = await file('basic', 'reader:pass word\n');
    const source = sourceOf(`http://127.0.0.1:${port}/prometheus?dedup=false`, {
      headers: { 'X-Scope-OrgID': 'team-a|team-b' },
      headersFile,
      basicAuthFile,
    });
    assert.equal((await read(source)).kind, 'vector');
    await file('headers', 'X-Api-Key: second-key\n');
    await file('basic', 'reader:other word\n');
    assert.equal((await read(source)).kind, 'vector');
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
    assert.deepEqual(
      seen.map(({ url, headers }) => [
        url,
        headers['x-scope-orgid'],
        headers['x-api-key'],
        headers.authorization,
      ]),
      [
        [
          '/prometheus/api/v1/query?dedup=false',
          'team-a|team-b',
          'first-key',
          basic('reader:pass word'),
        ],
        [
          '/prometheus/api/v1/query?dedup=false',
          'team-a|team-b',
          'second-key',
          basic('reader:other word'),
        ],
      ],
    );
    await file('headers', 'no header at all, but first-key');
    const reading = await read(source);
    assert.ok(reading.kind === 'failed' && reading.reason === 'signal_unavailable');
    assert.match(reading.detail, /the headers file .*headers: line 1: expected Name=value$/);
  });

  it('are taken out of what a server repeats in its errors', async () => {
    const tokenFile = await file('token', 'hunter2-token');
    const headersFile = await file('headers', 'X-Api-Key=hunter2-key');
    const echoes: readonly ((request: http.IncomingMessage) => [number, string, string])[] = [
      ({ headers }) => [401, 'text/plain', `wrong: ${headers.authorization ?? ''}`],
      ({ headers }) => [200, 'text/html', `<p>${JSON.stringify(headers)}`],
      ({ headers }) => [
        400,
        'application/json',
        JSON.stringify({ status: 'error', errorType: 'bad_data', error: JSON.stringify(headers) }),
      ],
      ({ headers }) => [
        200,
        'application/json',
        JSON.stringify({ status: 'error', errorType: 'x', error: headers['x-api-key'] }),
      ],
    ];
    for (const echo of echoes) {
      const port = await listen(http.createServer(answering(echo)));
      const source = sourceOf(`http://127.0.0.1:${port}`, { tokenFile, headersFile });
      const reading = await read(source);
      assert.ok(reading.kind === 'failed');
      const told = `${reading.detail} ${source.status().lastError ?? ''}`;
      assert.doesNotMatch(told, /hunter2/);
    }
    assert.equal(seen.length, echoes.length);
  });

  describe('in mutual TLS', () => {
    let authority: TestAuthority | null = null;

    before(async function () {
      if (!isInstalled('openssl')) skipBecause(this, 'openssl is not installed');
      authority = await createAuthority();
    });
    after(() => authority?.remove());

    it('are a certificate to a server that has the name it is to have', async () => {
      assert.ok(authority !== null);
      const server = await authority.issue(SERVER_NAME);
      const client = await authority.issue('plane');
      const port = await listen(
        https.createServer({ ...server, requestCert: true, rejectUnauthorized: true }, answering()),
      );
      const baseUrl = `https://127.0.0.1:${port}`;
      const tls = {
        caFile: await file('ca.pem', client.ca),
        certFile: await file('client.pem', client.cert),
        keyFile: await file('client.key', client.key),
        serverName: SERVER_NAME,
      };
      assert.equal((await read(sourceOf(baseUrl, tls))).kind, 'vector');
      const refused: readonly (readonly [Partial<PrometheusOptions>, RegExp])[] = [
        [{ ...tls, serverName: null }, /does not match certificate/],
        [{ ...tls, serverName: 'thanos.example' }, /does not match certificate/],
        [{ ...tls, certFile: null, keyFile: null }, /certificate required|alert|ECONNRESET|EPIPE/],
        [{ ...tls, caFile: null }, /self-signed certificate|unable to (get|verify)/],
      ];
      for (const [options, detail] of refused) {
        const reading = await read(sourceOf(baseUrl, options));
        assert.ok(reading.kind === 'failed' && reading.reason === 'signal_unavailable');
        assert.match(reading.detail, detail);
      }
      assert.equal(seen.length, 1);
    });
  });
});
