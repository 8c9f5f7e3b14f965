/** The agent and a control plane over real HTTP: a small server that a test stops and starts. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '../../../agents/agent.ts';
import type { Agent } from '../../../agents/agent.ts';
import { parseConfig } from '../../../agents/config.ts';
import {
  ControlPlaneError,
  createControlPlaneClient,
} from '../../../agents/sources/control-plane.ts';
import { parseHeartbeat, parseNodeRegistration } from '../../../control-plane/schemas/node.ts';
import { freePort, pollUntil } from '../../support/process.ts';

interface Call {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

type Answer = (call: Call, response: ServerResponse) => void;

interface Plane {
  readonly calls: Call[];
  readonly port: number;
  answer: Answer;
  stop(): Promise<void>;
}

const nodes = new Set<string>();

/** Takes what the real plane takes, and forgets when `nodes` is cleared. */
const agreed: Answer = (call, response) => {
  if (call.path === '/v1/nodes') {
    const { nodeId } = parseNodeRegistration(call.body);
    nodes.add(nodeId);
    json(response, 201, { nodeId, heartbeatIntervalMs: 100 });
  } else {
    parseHeartbeat(call.body);
    const known = nodes.has(/^\/v1\/nodes\/([^/]+)\/heartbeat$/.exec(call.path)?.[1] ?? '');
    response.writeHead(known ? 204 : 404).end();
  }
};

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

const planes: Plane[] = [];

async function startPlane(answer: Answer, port = 0): Promise<Plane> {
  const calls: Call[] = [];
  const server: Server = createServer((request: IncomingMessage, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.once('end', () => {
      const { authorization } = request.headers;
      const call = { path: request.url ?? '', authorization, body: JSON.parse(text) as unknown };
      calls.push(call);
      plane.answer(call, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  const plane: Plane = {
    calls,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    answer,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  planes.push(plane);
  return plane;
}

describe('agent and control plane', function () {
  this.timeout(20_000);
  let agent: Agent | null = null;
  let folder = '';

  beforeEach(() => {
    nodes.clear();
    folder = mkdtempSync(join(tmpdir(), 'agent-registration-'));
  });
  afterEach(async () => {
    await agent?.stop();
    agent = null;
    await Promise.all(planes.splice(0).map((plane) => plane.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(urls: string, environment: Record<string, string> = {}): Promise<void> {
    const parsed = parseConfig({
      OMNIMIND_AGENT_PORT: '0',
      OMNIMIND_AGENT_NODE_ID: 'node-1',
      OMNIMIND_AGENT_LABELS: 'rack=a1',
      OMNIMIND_AGENT_CAPABILITIES: 'inference',
      OMNIMIND_AGENT_CONTROL_PLANE_URLS: urls,
      OMNIMIND_AGENT_CONTROL_PLANE_RETRY_MAX: '400ms',
      OMNIMIND_AGENT_CONTROL_PLANE_DEADLINE: '500ms',
      ...environment,
    });
    if (parsed.kind === 'invalid') assert.fail(parsed.problems.join('; '));
    agent = await startAgent(parsed.config, { log: () => undefined, slots: [] });
  }

  const beats = (plane: Plane): number =>
    plane.calls.filter(({ path }) => path.endsWith('/heartbeat')).length;
  const registrations = (plane: Plane): number =>
    plane.calls.filter(({ path }) => path === '/v1/nodes').length;

  it('registers with what the real plane takes and sends heartbeats with the key of the file', async () => {
    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, 'secret-key\n');
    const plane = await startPlane(agreed);
    await start(`http://127.0.0.1:${plane.port}`, { OMNIMIND_AGENT_KEY_FILE: keyFile });
    await pollUntil('three heartbeats', 15_000, () => beats(plane) >= 3);
    const sent = parseNodeRegistration(plane.calls[0]?.body);
    assert.equal(sent.nodeId, 'node-1');
    assert.equal(sent.address, `127.0.0.1:${agent?.address.port ?? 0}`);
    assert.deepEqual({ ...sent.labels }, { rack: 'a1' });
    assert.deepEqual(sent.capabilities, ['inference']);
    assert.ok(sent.inventory.cpuCores > 0 && sent.inventory.memoryBytes > 0);
    assert.notEqual(sent.inventory.operatingSystem, '');
    assert.ok(plane.calls.every(({ authorization }) => authorization === 'Bearer secret-key'));
    assert.equal(registrations(plane), 1);
  });

  it('registers again when the plane has forgotten it', async () => {
    const plane = await startPlane(agreed);
    await start(`http://127.0.0.1:${plane.port}`);
    await pollUntil('a heartbeat', 15_000, () => beats(plane) >= 1);
    nodes.clear();
    await pollUntil('it is known again', 5000, () => nodes.has('node-1'));
    assert.equal(registrations(plane), 2);
  });

  it('comes back by itself after the plane was away', async () => {
    const first = await startPlane(agreed);
    await start(`http://127.0.0.1:${first.port}`);
    await pollUntil('a heartbeat', 15_000, () => beats(first) >= 1);
    await first.stop();
    await pollUntil('it is not registered, as a metric', 5000, async () =>
      /^omnimind_agent_registered 0$/m.test(await metrics()),
    );
    const second = await startPlane(agreed, first.port);
    await pollUntil('a heartbeat', 5000, () => beats(second) >= 1);
    await pollUntil('it is registered, as a metric', 5000, async () =>
      /^omnimind_agent_registered 1$/m.test(await metrics()),
    );
    assert.match(await metrics(), /control_plane_failures_total\{cause="unreachable"\} [1-9]/);
  });

  it('turns to the next member when one is away and to the leader that a member names', async () => {
    const leader = await startPlane(agreed);
    const follower = await startPlane((call, response) => {
      response.writeHead(307, { Location: `http://127.0.0.1:${leader.port}${call.path}` }).end();
    });
    const dead = await freePort();
    const urls = [dead, follower.port, await freePort(), leader.port];
    await start(urls.map((port) => `http://127.0.0.1:${port}`).join(','));
    await pollUntil('heartbeats at the leader', 15_000, () => beats(leader) >= 3);
    assert.equal(follower.calls.length, 1);
  });

  async function metrics(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${agent?.address.port ?? 0}/metrics`);
    return response.text();
  }
});

describe('control plane client', function () {
  this.timeout(10_000);
  afterEach(async () => {
    await Promise.all(planes.splice(0).map((plane) => plane.stop()));
  });

  const cases: readonly (readonly [string, Answer, string])[] = [
    ['no answer', () => undefined, 'timeout'],
    ['401', (_call, response) => json(response, 401, {}), 'unauthorized'],
    ['400', (_call, response) => json(response, 400, { detail: 'x' }), 'refused'],
    ['503', (_call, response) => json(response, 503, {}), 'unavailable'],
    ['HTML', (_call, response) => void response.end('<html>'), 'malformed'],
    ['a megabyte', (_call, response) => void response.end('x'.repeat(1 << 20)), 'malformed'],
    ['a cut connection', (_call, response) => void response.destroy(), 'unreachable'],
    ['no HTTP', (_call, response) => void response.socket?.end('SSH-2.0\r\n'), 'malformed'],
    [
      'a redirect to a stranger',
      (_call, response) =>
        void response.writeHead(307, { Location: 'http://example.invalid/' }).end(),
      'unavailable',
    ],
  ];
  for (const [title, answer, failure] of cases) {
    it(`calls ${title} ${failure}`, async () => {
      const plane = await startPlane(answer);
      const client = createControlPlaneClient({
        urls: [new URL(`http://127.0.0.1:${plane.port}`)],
        deadlineMs: 200,
        keyFile: null,
        caFile: null,
      });
      await assert.rejects(
        client.post('/v1/nodes', {}, new AbortController().signal),
        (error) => error instanceof ControlPlaneError && error.failure === failure,
      );
    });
  }

  it('asks no member when the key cannot be read', async () => {
    const plane = await startPlane(agreed);
    const client = createControlPlaneClient({
      urls: [new URL(`http://127.0.0.1:${plane.port}`)],
      deadlineMs: 200,
      keyFile: '/nonexistent/key',
      caFile: null,
    });
    await assert.rejects(
      client.post('/v1/nodes', {}, new AbortController().signal),
      (error) => error instanceof ControlPlaneError && error.failure === 'configuration',
    );
    assert.equal(plane.calls.length, 0);
  });
});
