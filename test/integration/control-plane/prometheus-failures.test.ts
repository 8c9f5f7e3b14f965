import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createPrometheusSource,
  type PrometheusLimits,
  type PrometheusOptions,
  type PrometheusSource,
} from '../../../control-plane/adapters/prometheus/source.ts';
import type { RequestObservation } from '../../../control-plane/adapters/prometheus/api.ts';
import type { InstantReading } from '../../../control-plane/ports/metrics-source.ts';
import {
  type FakeMode,
  FakeRejection,
  type PrometheusFake,
  type PrometheusFakeOptions,
  startPrometheusFake,
} from '../../support/prometheus-fake.ts';
import { listenLocally, pollUntil } from '../../support/process.ts';
import { sourceOptions } from '../../support/prometheus-options.ts';
import { skipBecause } from '../../support/skip.ts';

const AT_MS = 1_800_000_000_000;
const NEVER = new AbortController().signal;

describe('the Prometheus source against a server that misbehaves', () => {
  const fakes: PrometheusFake[] = [];
  const sources: PrometheusSource[] = [];

  afterEach(async () => {
    for (const source of sources.splice(0)) source.close();
    for (const fake of fakes.splice(0)) await fake.stop();
  });

  async function start(
    options: Partial<PrometheusOptions> = {},
    fakeOptions: PrometheusFakeOptions = {},
  ): Promise<{ fake: PrometheusFake; source: PrometheusSource }> {
    const started = await startPrometheusFake(fakeOptions);
    fakes.push(started);
    // The breaker has a suite of its own below.
    const limits = { breaker: { failuresMax: 1_000, openMs: 50 }, ...options.limits };
    const source = createPrometheusSource(
      sourceOptions(started.url, { timeoutMs: 1_000, ...options, limits }),
    );
    sources.push(source);
    return { fake: started, source };
  }

  it('says by how much the clock of a server is ahead, and nothing when it is not', async () => {
    const clock = { server: AT_MS, own: AT_MS };
    const { source } = await start({ nowMs: () => clock.own }, { nowMs: () => clock.server });
    const ahead = async () => {
      const [reading] = await source.readInstant(['up'], AT_MS, NEVER);
      return reading?.kind === 'vector' ? reading.clockAheadMs : null;
    };
    assert.equal(await ahead(), undefined);
    clock.server = AT_MS + 90_000;
    assert.equal(await ahead(), 90_000);
    clock.server = AT_MS - 90_000;
    assert.equal(await ahead(), undefined);
  });

  const failures: readonly (readonly [FakeMode, string, RegExp])[] = [
    ['refuse', 'signal_unavailable', /ECONNREFUSED/],
    ['reset', 'signal_unavailable', /ECONNRESET|hang up/],
    ['reset_mid_body', 'signal_unavailable', /ECONNRESET|aborted|closed/],
    ['not_http', 'signal_malformed', /not HTTP/],
    ['html', 'signal_malformed', /text\/html.*Please sign in/],
    ['html_as_json', 'signal_malformed', /invalid JSON.*Please sign in/],
    ['truncated', 'signal_malformed', /cut or invalid JSON/],
    ['wrong_json', 'signal_malformed', /no number as text/],
    ['no_data', 'signal_malformed', /no data/],
    ['no_labels', 'signal_malformed', /labels/],
    ['error_200', 'signal_rejected', /bad_data: no such thing/],
    ['rejected', 'signal_rejected', /bad_data: parse error/],
    ['gzip_cut', 'signal_malformed', /gzip that cannot be unpacked: unexpected end/],
    ['gzip_oversized', 'signal_oversized', /limit of 8388608 bytes/],
    ['brotli', 'signal_malformed', /compressed with br/],
    ['partial', 'signal_incomplete', /marked as partial/],
    ['warned', 'signal_incomplete', /the server warns: fetch series for store-1/],
    ['rejected_422', 'signal_rejected', /422: unknown func/],
    ['timeout_422', 'signal_unavailable', /timeout exceeded/],
    ['too_many', 'signal_unavailable', /too_many_requests: the request has been/],
    ['bad_utf8', 'signal_malformed', /UTF-8/],
    ['oversized', 'signal_oversized', /limit of 8388608 bytes/],
    ['oversized_announced', 'signal_oversized', /over the limit/],
    ['503', 'signal_unavailable', /503.*Service Unavailable/],
    ['500_html', 'signal_unavailable', /500/],
    ['401', 'signal_unavailable', /401/],
    ['404', 'signal_unavailable', /404/],
    ['204', 'signal_malformed', /204/],
    ['redirect', 'signal_unavailable', /307.*redirect/],
  ];
  for (const [mode, reason, detail] of failures) {
    it(`reads ${reason} when the server does: ${mode}`, async () => {
      const { fake, source } = await start();
      await fake.setMode(mode);
      for (const queries of [['up'], ['up', 'sum(up)', 'up']]) {
        const readings = await source.readInstant(queries, AT_MS, NEVER);
        assert.equal(readings.length, queries.length);
        for (const reading of readings) {
          assert.ok(reading.kind === 'failed', JSON.stringify(reading));
          assert.equal(reading.reason, reason);
          assert.match(reading.detail, detail);
        }
      }
      const [range] = await source.readRange(
        [{ query: 'up', startMs: AT_MS, endMs: AT_MS, stepMs: 1_000 }],
        NEVER,
      );
      assert.ok(range?.kind === 'failed', JSON.stringify(range));
      assert.equal(range.reason, mode === 'wrong_json' ? 'signal_malformed' : reason);
      await fake.setMode('ok');
      const [after] = await source.readInstant(['up'], AT_MS, NEVER);
      assert.equal(after?.kind, 'vector', 'it reads again as soon as the server is right');
      assert.equal(source.status().lastError, null);
    });
  }

  for (const mode of ['hang', 'slow_drip'] as const) {
    it(`ends at one deadline for all queries when the server does: ${mode}`, async () => {
      const { fake, source } = await start({ timeoutMs: 150, limits: { batchQueriesMax: 1 } });
      await fake.setMode(mode);
      const queries = Array.from({ length: 20 }, (_, n) => `m${n}`);
      const startedAtMs = performance.now();
      const readings = await source.readInstant(queries, AT_MS, NEVER);
      const tookMs = performance.now() - startedAtMs;
      assert.ok(tookMs >= 140 && tookMs < 600, `took ${tookMs} ms`);
      for (const reading of readings) {
        assert.ok(reading.kind === 'failed');
        assert.equal(reading.reason, 'signal_unavailable');
        assert.match(reading.detail, /no answer within 150 ms/);
      }
    });
  }

  for (const mode of ['gzip', 'remarked'] as const) {
    it(`reads the answer when the server does: ${mode}`, async () => {
      const { fake, source } = await start();
      await fake.setMode(mode);
      const readings = await source.readInstant(['up', 'sum(up)'], AT_MS, NEVER);
      assert.deepEqual(valuesOf(readings), [[1], [1]]);
    });
  }

  it('passes NaN, empty and doubled answers on for the decider to judge', async () => {
    const { fake, source } = await start();
    const queries = ['up', 'sum(up)'];
    await fake.setMode('nan');
    assert.deepEqual(valuesOf(await source.readInstant(queries, AT_MS, NEVER)), [[NaN], [NaN]]);
    await fake.setMode('empty');
    assert.deepEqual(valuesOf(await source.readInstant(queries, AT_MS, NEVER)), [[], []]);
    await fake.setMode('two_series');
    assert.deepEqual(valuesOf(await source.readInstant(queries, AT_MS, NEVER)), [
      [1, 1],
      [1, 1],
    ]);
  });

  it('gives the 30-minute-old time of a timestamp query, and the value beside it', async () => {
    const { fake, source } = await start({}, { samples: () => [one(`${AT_MS / 1_000}`)] });
    await fake.setMode('old_samples');
    const readings = await source.readInstant(['up', 'min(timestamp(up))'], AT_MS, NEVER);
    assert.deepEqual(valuesOf(readings), [[AT_MS / 1_000], [AT_MS / 1_000 - 1_800]]);
  });

  it('ends at once, without blaming the server, when the caller aborts', async () => {
    const { fake, source } = await start({
      timeoutMs: 10_000,
      limits: { breaker: { failuresMax: 1, openMs: 60_000 } },
    });
    await fake.setMode('hang');
    const caller = new AbortController();
    const reading = source.readInstant(['up'], AT_MS, caller.signal);
    await pollUntil('a request', 5_000, () => fake.requests.length > 0);
    caller.abort();
    assert.deepEqual(await reading, [
      { kind: 'failed', reason: 'signal_unavailable', detail: 'aborted by the caller' },
    ]);
    assert.equal(source.status().breaker, 'closed');
  });

  it('asks equal queries once and merges the others, in the order asked', async () => {
    const { fake, source } = await start({}, { samples: (query) => [one(query.slice(1))] });
    const queries = Array.from({ length: 120 }, (_, n) => `m${n % 100}`);
    const readings = await source.readInstant(queries, AT_MS, NEVER);
    assert.deepEqual(
      valuesOf(readings),
      queries.map((query) => [Number(query.slice(1))]),
    );
    assert.equal(fake.requests.length, 2);
    const labels = readings.flatMap((reading) =>
      reading.kind === 'vector' ? reading.samples.map((sample) => sample.labels) : [],
    );
    assert.ok(labels.every((each) => Object.keys(each).length === 0));
  });

  it('sends the time, what is left of the deadline, and the headers', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-token-'));
    const tokenFile = join(directory, 'token');
    try {
      await writeFile(tokenFile, 'first\n');
      const { fake, source } = await start(
        { tokenFile, headers: { 'x-scope-orgid': 'tenant-1' } },
        { prefix: '/prometheus' },
      );
      await source.readInstant(['up'], AT_MS + 7, NEVER);
      await writeFile(tokenFile, 'second\n');
      await source.readInstant(['up'], AT_MS, NEVER);
      await rm(tokenFile);
      const [without] = await source.readInstant(['up'], AT_MS, NEVER);
      assert.ok(without?.kind === 'failed' && /token file/.test(without.detail));
      const [first, second] = fake.requests;
      assert.equal(fake.requests.length, 2);
      assert.equal(first?.path, '/api/v1/query');
      assert.equal(first.form.get('time'), '1800000000.007');
      assert.match(first.form.get('timeout') ?? '', /^\d+ms$/);
      assert.equal(first.headers['x-scope-orgid'], 'tenant-1');
      assert.equal(first.headers.authorization, 'Bearer first');
      assert.equal(second?.headers.authorization, 'Bearer second');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('finds the guilty query in a merged request and answers all the others', async () => {
    const { fake, source } = await start({}, { samples: rejectBad });
    const queries = Array.from({ length: 50 }, (_, n) => (n === 31 ? 'bad' : `m${n}`));
    const readings = await source.readInstant(queries, AT_MS, NEVER);
    readings.forEach((reading, n) => {
      if (n !== 31) {
        assert.equal(reading.kind, 'vector', `query ${n}`);
        return;
      }
      assert.ok(reading.kind === 'failed');
      assert.equal(reading.reason, 'signal_rejected');
      assert.match(reading.detail, /execution: many-to-many/);
    });
    assert.ok(fake.requests.length <= 13, `${fake.requests.length} requests`);
    fake.forget();
    await source.readInstant(queries, AT_MS, NEVER);
    assert.equal(fake.requests.length, 2, 'from then on the guilty one is asked alone');
  });

  it('sets a query apart whose slowness held up its group', async () => {
    let slow = true;
    const { source } = await start(
      { timeoutMs: 1_000 },
      {
        samples(query) {
          if (slow && query === 'slow') throw new FakeRejection('query timed out', 'timeout');
          return [one('1')];
        },
      },
    );
    const queries = ['a', 'slow', 'b'];
    const kinds = async () =>
      (await source.readInstant(queries, AT_MS, NEVER)).map((reading) => reading.kind);
    assert.deepEqual(await kinds(), ['failed', 'failed', 'failed']);
    assert.deepEqual(await kinds(), ['vector', 'failed', 'vector']);
    slow = false;
    assert.deepEqual(await kinds(), ['vector', 'vector', 'vector']);
  });

  it('sets a query apart whose missing data spoilt the answers of its group', async () => {
    const { fake, source } = await start();
    const queries = ['a', 'b'];
    await fake.setMode('partial');
    await source.readInstant(queries, AT_MS, NEVER);
    fake.forget();
    await source.readInstant(queries, AT_MS, NEVER);
    assert.equal(fake.requests.length, 2, 'each shows whether it was the one');
    await fake.setMode('ok');
    await source.readInstant(queries, AT_MS, NEVER);
    fake.forget();
    await source.readInstant(queries, AT_MS, NEVER);
    assert.equal(fake.requests.length, 1, 'they are asked together again');
  });

  it('asks a query alone that would not stand in a union', async () => {
    const { fake, source } = await start();
    await source.readInstant(['m) or (n', 'up', 'x[5m]', 'sum(up)'], AT_MS, NEVER);
    const asked = fake.requests.map((request) => request.form.get('query') ?? '');
    assert.equal(asked.length, 3);
    assert.ok(asked.includes('m) or (n'));
    assert.ok(asked.includes('x[5m]'));
  });

  it('does not ask more queries in one read than its bound', async () => {
    const { source } = await start({ limits: { queriesMax: 3 } });
    const readings = await source.readInstant(['a', 'b', 'c', 'd', 'a'], AT_MS, NEVER);
    assert.deepEqual(
      readings.map((reading) => reading.kind),
      ['vector', 'vector', 'vector', 'failed', 'vector'],
    );
    const last = readings[3];
    assert.ok(last?.kind === 'failed' && /at most 3/.test(last.detail));
  });

  it('never has more requests under way than allowed', async () => {
    const { fake, source } = await start({
      timeoutMs: 300,
      limits: { concurrencyMax: 3, batchQueriesMax: 1 },
    });
    await fake.setMode('hang');
    const reading = source.readInstant(['a', 'b', 'c', 'd', 'e'], AT_MS, NEVER);
    await reading;
    assert.equal(fake.requests.length, 3);
  });

  describe('reading ranges', () => {
    const span = { startMs: AT_MS, endMs: AT_MS + 2_000, stepMs: 1_000 };
    const points = [0, 1, 2].map((n) => [AT_MS + n * 1_000, n]);
    const matrix = (query: string) => ({ kind: 'matrix', series: [{ labels: { query }, points }] });
    const echo = { samples: (query: string) => [{ labels: { query }, value: '1' }] };
    const asked = (fake: PrometheusFake) =>
      fake.requests
        .map(({ form }) => ['start', 'end', 'step'].map((name) => Number(form.get(name))))
        .map(([from = 0, to = 0, step]) => `${from - AT_MS / 1_000}..${to - AT_MS / 1_000}/${step}`)
        .sort();

    it('merges those of the same span, asks equal ones once, and keeps the order asked', async () => {
      const { fake, source } = await start({}, echo);
      const queries = Array.from({ length: 120 }, (_, n) => ({ query: `m${n % 100}`, ...span }));
      const readings = await source.readRange(queries, NEVER);
      assert.deepEqual(
        readings,
        queries.map(({ query }) => matrix(query)),
      );
      assert.equal(fake.requests.length, 2);
      assert.ok(fake.requests.every(({ path }) => path === '/api/v1/query_range'));
    });

    it('never merges across starts, ends or steps', async () => {
      const { fake, source } = await start({}, echo);
      const spans = [
        span,
        { ...span, startMs: AT_MS - 1_000 },
        { ...span, endMs: AT_MS + 3_000 },
        { ...span, stepMs: 500 },
      ];
      const queries = spans.flatMap((one) => ['a', 'b'].map((query) => ({ query, ...one })));
      await source.readRange(queries, NEVER);
      assert.deepEqual(asked(fake), ['-1..2/1', '0..2/0.5', '0..2/1', '0..3/1']);
    });

    it('has no more steps in one request than its bound, and asks a longer range alone', async () => {
      const { fake, source } = await start({ limits: { batchStepsMax: 6 } }, echo);
      const queries = ['a', 'b', 'c', 'd'].map((query) => ({ query, ...span }));
      await source.readRange(queries, NEVER);
      assert.equal(fake.requests.length, 2, 'three steps each');
      fake.forget();
      const long = queries.map((one) => ({ ...one, endMs: AT_MS + 6_000 }));
      assert.ok((await source.readRange(long, NEVER)).every(({ kind }) => kind === 'matrix'));
      assert.equal(fake.requests.length, 4, 'seven steps each');
    });

    it('finds the guilty one in a merged request, and asks it alone from then on', async () => {
      const { fake, source } = await start({}, { samples: rejectBad });
      const names = Array.from({ length: 8 }, (_, n) => (n === 5 ? 'bad' : `m${n}`));
      const queries = names.map((query) => ({ query, ...span }));
      const readings = await source.readRange(queries, NEVER);
      assert.deepEqual(
        readings.map(({ kind }) => kind),
        names.map((name) => (name === 'bad' ? 'failed' : 'matrix')),
      );
      fake.forget();
      await source.readRange(queries, NEVER);
      assert.equal(fake.requests.length, 2);
    });

    it('sets one apart whose slowness held up its group', async () => {
      const samples = (query: string) => {
        if (query === 'slow') throw new FakeRejection('query timed out', 'timeout');
        return [one('1')];
      };
      const { source } = await start({}, { samples });
      const queries = ['a', 'slow', 'b'].map((query) => ({ query, ...span }));
      const kinds = async () =>
        (await source.readRange(queries, NEVER)).map((reading) => reading.kind);
      assert.deepEqual(await kinds(), ['failed', 'failed', 'failed']);
      assert.deepEqual(await kinds(), ['matrix', 'failed', 'matrix']);
    });

    it('does not ask more in one read than its bound', async () => {
      const { source } = await start({ limits: { queriesMax: 2 } }, echo);
      const queries = ['a', 'b', 'c'].map((query) => ({ query, ...span }));
      const [first, , last] = await source.readRange(queries, NEVER);
      assert.equal(first?.kind, 'matrix');
      assert.ok(last?.kind === 'failed' && /at most 2/.test(last.detail));
    });
  });

  it('tells the observer of each request with its outcome', async () => {
    const seen: RequestObservation[] = [];
    const { fake, source } = await start({ onRequest: (one) => seen.push(one), timeoutMs: 1_500 });
    const modes: readonly FakeMode[] = ['ok', 'rejected', 'html', 'oversized', '503', 'hang'];
    for (const mode of modes) {
      await fake.setMode(mode);
      await source.readInstant(['up'], AT_MS, NEVER);
    }
    assert.deepEqual(
      seen.map(({ outcome }) => outcome),
      ['ok', 'rejected', 'malformed', 'oversized', 'unavailable', 'timeout'],
    );
    assert.ok(seen.every(({ durationMs }) => durationMs >= 0));
  });

  it('asks again when the server closed an idle connection just then', async () => {
    const served = new WeakSet();
    const server = http.createServer((request, response) => {
      // The second request on a connection meets a reset, as after the server's idle timeout.
      if (served.has(request.socket)) {
        request.socket.resetAndDestroy();
        return;
      }
      served.add(request.socket);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}');
    });
    const port = await listenLocally(server);
    const { source } = await start({ baseUrl: `http://127.0.0.1:${port}` });
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual(valuesOf(await source.readInstant(['1 + 1'], AT_MS, NEVER)), [[2]]);
    }
    server.closeAllConnections();
    server.close();
  });

  it('speaks TLS with a private authority, a client certificate and basic auth', async function () {
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-tls-'));
    const made = makeCertificate(directory);
    if (!made) {
      await rm(directory, { recursive: true });
      skipBecause(this, 'openssl is not installed');
    }
    const certFile = join(directory, 'cert.pem');
    const keyFile = join(directory, 'key.pem');
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    const seen: (string | undefined)[] = [];
    const server = https.createServer(
      { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}');
      },
    );
    const port = await listenLocally(server);
    const baseUrl = `https://user:p%40ss@127.0.0.1:${port}`;
    try {
      const { source: trusted } = await start({ baseUrl, caFile: certFile, certFile, keyFile });
      assert.deepEqual(valuesOf(await trusted.readInstant(['1 + 1'], AT_MS, NEVER)), [[2]]);
      assert.deepEqual(seen, [`Basic ${Buffer.from('user:p@ss').toString('base64')}`]);
      const { source: untrusting } = await start({ baseUrl });
      const [reading] = await untrusting.readInstant(['1 + 1'], AT_MS, NEVER);
      assert.ok(reading?.kind === 'failed' && reading.reason === 'signal_unavailable');
      assert.doesNotMatch(reading.detail, /p@ss|p%40ss/);
      await assert.rejects(start({ baseUrl, caFile: join(directory, 'missing.pem') }), /ENOENT/);
    } finally {
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true });
    }
  });

  describe('its breaker', () => {
    const limits: Partial<PrometheusLimits> = {
      breaker: { failuresMax: 3, openMs: 2_000 },
      probeTimeoutMs: 100,
    };
    let nowMs = 0;

    beforeEach(() => {
      nowMs = 0;
    });

    async function broken(mode: FakeMode) {
      const started = await start({ limits, timeoutMs: 100, monotonicMs: () => nowMs });
      await started.fake.setMode(mode);
      for (let n = 0; n < 3; n += 1) await started.source.readInstant(['up'], AT_MS, NEVER);
      started.fake.forget();
      return started;
    }

    it('opens after three transport failures and then answers at once, naming the last', async () => {
      const { fake, source } = await broken('503');
      assert.equal(source.status().breaker, 'open');
      const [reading] = await source.readInstant(['up'], AT_MS, NEVER);
      assert.ok(reading?.kind === 'failed');
      assert.equal(reading.reason, 'signal_unavailable');
      assert.match(reading.detail, /breaker open after 3 failures.*in 2\.0 s.*status 503/);
      assert.equal(fake.requests.length, 0);
    });

    it('stays closed while the server answers, however wrongly', async () => {
      for (const mode of ['html', 'rejected', '401', 'oversized'] as const) {
        const { source } = await broken(mode);
        assert.equal(source.status().breaker, 'closed', mode);
      }
    });

    it('sends one probe for all readers of the moment, and opens again when that fails', async () => {
      const { fake, source } = await broken('503');
      nowMs = 2_000;
      const reads = await Promise.all([
        source.readInstant(['up'], AT_MS, NEVER),
        source.readInstant(['up', 'sum(up)'], AT_MS, NEVER),
      ]);
      assert.ok(reads.flat().every((reading) => reading.kind === 'failed'));
      assert.equal(fake.requests.length, 1);
      assert.equal(fake.requests[0]?.form.get('query'), '1');
      assert.equal(source.status().breaker, 'open');
      nowMs = 3_999;
      await source.readInstant(['up'], AT_MS, NEVER);
      assert.equal(fake.requests.length, 1);
    });

    it('closes with the first read after the pause once the server is back', async () => {
      for (const mode of ['503', 'hang', 'refuse'] as const) {
        const { fake, source } = await broken(mode);
        await fake.setMode('ok');
        nowMs += 2_000;
        const [reading] = await source.readInstant(['up'], AT_MS, NEVER);
        assert.equal(reading?.kind, 'vector', mode);
        assert.deepEqual(source.status(), { breaker: 'closed', lastError: null });
      }
    });

    it('lets the next reader probe when the one who probed was aborted', async () => {
      const { fake, source } = await broken('hang');
      nowMs = 2_000;
      const caller = new AbortController();
      const abandoned = source.readInstant(['up'], AT_MS, caller.signal);
      await pollUntil('a request', 5_000, () => fake.requests.length > 0);
      assert.equal(source.status().breaker, 'half_open');
      caller.abort();
      await abandoned;
      assert.equal(source.status().breaker, 'open');
      await fake.setMode('ok');
      const [reading] = await source.readInstant(['up'], AT_MS, NEVER);
      assert.equal(reading?.kind, 'vector');
    });
  });
});

function rejectBad(query: string) {
  if (query === 'bad') throw new FakeRejection('many-to-many matching not allowed');
  return [one('1')];
}

function one(value: string) {
  return { labels: {}, value };
}

function valuesOf(readings: readonly InstantReading[]): unknown {
  return readings.map((reading) =>
    reading.kind === 'vector' ? reading.samples.map(({ value }) => value) : reading,
  );
}

/** False when there is no openssl to make one with. */
function makeCertificate(directory: string): boolean {
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')];
  const made = spawnSync('openssl', ['req', '-x509', '-days', '2', ...key, ...subject, ...files]);
  return made.status === 0;
}
