import assert from 'node:assert/strict';
import { createRegistration } from '../../../agents/registration.ts';
import type { NodeRegistration } from '../../../agents/registration.ts';
import { ControlPlaneError } from '../../../agents/sources/control-plane.ts';
import type { ControlPlaneAnswer } from '../../../agents/sources/control-plane.ts';
import { recordEmit } from '../../support/recorded-emit.ts';

const node: NodeRegistration = {
  nodeId: 'n1',
  hostname: 'h',
  address: 'h:1',
  capabilities: [],
  labels: {},
  inventory: {
    operatingSystem: '',
    kernel: '',
    architecture: '',
    cpuModel: '',
    cpuCores: 1,
    memoryBytes: 1,
    gpus: [],
  },
  agentVersion: '1',
};
const taken: ControlPlaneAnswer = {
  status: 200,
  body: { nodeId: 'n1', heartbeatIntervalMs: 5000 },
};
const beat: ControlPlaneAnswer = { status: 204, body: undefined };
const unknown: ControlPlaneAnswer = { status: 404, body: undefined };
const away = new ControlPlaneError('unreachable', 'away');

/**
 * Runs the loop against a script of answers; it ends when the script does. Pauses are recorded, not
 * waited for.
 */
async function play(
  script: readonly (ControlPlaneAnswer | Error)[],
  describeNode: () => NodeRegistration = () => node,
) {
  const calls: { path: string; body: unknown }[] = [];
  const pauses: number[] = [];
  const events: string[] = [];
  const ended = Promise.withResolvers<undefined>();
  const answers = [...script];
  const registration = createRegistration({
    client: {
      async post(path, body) {
        calls.push({ path, body });
        const answer = answers.shift();
        if (answer === undefined) {
          ended.resolve(undefined);
          return new Promise<never>(() => undefined);
        }
        await Promise.resolve();
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    describe: describeNode,
    failingCollectors: () => ['gpu'],
    retryMaxMs: 20_000,
    random: () => 0,
    sleep(ms) {
      pauses.push(ms);
      return Promise.resolve();
    },
    log: (_level, event) => void events.push(event),
  });
  await registration.start();
  await ended.promise;
  const { emit, samples } = recordEmit();
  await registration.collect(emit, new AbortController().signal);
  return { calls, pauses, events, samples };
}

describe('registration', () => {
  it('registers, then sends heartbeats at the interval that the plane named', async () => {
    const { calls, pauses, samples } = await play([taken, beat, beat]);
    assert.deepEqual(
      calls.map(({ path }) => path),
      ['/v1/nodes', ...Array.from({ length: 3 }, () => '/v1/nodes/n1/heartbeat')],
    );
    assert.deepEqual(calls[0]?.body, node);
    assert.deepEqual(calls[1]?.body, { failingCollectors: ['gpu'], sequence: 0 });
    assert.deepEqual(calls[2]?.body, { failingCollectors: ['gpu'], sequence: 1 });
    assert.deepEqual(pauses, [5000, 5000]);
    assert.equal(samples.get('omnimind_agent_registered'), 1);
    assert.equal(samples.get('omnimind_agent_registrations_total'), 1);
    assert.ok((samples.get('omnimind_agent_last_heartbeat_timestamp_seconds') ?? 0) > 1.7e9);
  });

  it('registers again at once when the plane does not know it', async () => {
    const { calls, pauses, samples } = await play([taken, unknown, taken, beat]);
    assert.deepEqual(calls.map(({ path }) => path).slice(2), [
      '/v1/nodes',
      '/v1/nodes/n1/heartbeat',
      '/v1/nodes/n1/heartbeat',
    ]);
    assert.deepEqual(pauses, [0, 5000]);
    assert.equal(samples.get('omnimind_agent_registrations_total'), 2);
  });

  it('does not flood a plane that forgets it each time', async () => {
    const { pauses } = await play([taken, unknown, taken, unknown, taken, unknown, taken, unknown]);
    assert.deepEqual(pauses, [0, 4000, 8000, 16_000]);
  });

  it('registers again when what it says of itself has changed', async () => {
    let version = 0;
    const describeNode = (): NodeRegistration => ({
      ...node,
      capabilities: version++ === 0 ? [] : ['gpu'],
    });
    const { calls } = await play([taken, beat, taken, beat], describeNode);
    assert.equal(calls[2]?.path, '/v1/nodes');
    assert.equal(calls[4]?.path, '/v1/nodes/n1/heartbeat');
  });

  it('waits longer and longer while the plane is away, up to the bound, and comes back', async () => {
    const { pauses, samples, events } = await play([
      ...Array.from({ length: 8 }, () => away),
      taken,
      beat,
      beat,
    ]);
    assert.deepEqual(pauses.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000]);
    assert.equal(pauses[8], 5000);
    assert.equal(
      samples.get('omnimind_agent_control_plane_failures_total{cause="unreachable"}'),
      8,
    );
    assert.equal(samples.get('omnimind_agent_control_plane_failures_total{cause="timeout"}'), 0);
    assert.deepEqual(events, ['control_plane_failed', 'registered', 'control_plane_back']);
  });

  it('is not registered, as a metric, from the first heartbeat that was not taken', async () => {
    const { samples } = await play([taken, beat, away]);
    assert.equal(samples.get('omnimind_agent_registered'), 0);
  });

  it('goes on with heartbeats, without registering, when the plane was away in between', async () => {
    const { calls } = await play([taken, beat, away, beat]);
    assert.deepEqual(
      calls.map(({ path }) => path).filter((path) => path === '/v1/nodes').length,
      1,
    );
  });

  for (const body of [
    undefined,
    {},
    { heartbeatIntervalMs: 'soon' },
    { heartbeatIntervalMs: -1 },
  ]) {
    it(`counts ${body === undefined ? 'no body' : JSON.stringify(body)} in answer to a registration as malformed`, async () => {
      const { samples } = await play([{ status: 200, body }]);
      assert.equal(
        samples.get('omnimind_agent_control_plane_failures_total{cause="malformed"}'),
        1,
      );
    });
  }

  it('bounds the interval that the plane names', async () => {
    const answer = (heartbeatIntervalMs: number): ControlPlaneAnswer => ({
      status: 201,
      body: { heartbeatIntervalMs },
    });
    assert.deepEqual((await play([answer(1), beat])).pauses, [100]);
    assert.deepEqual((await play([answer(1e12), beat])).pauses, [300_000]);
  });
});
