import assert from 'node:assert/strict';
import { NodeRegistry } from '../../../../control-plane/loops/node-registry.ts';
import { runUpkeep } from '../../../../control-plane/loops/upkeep-loop.ts';
import type { UpkeepOptions } from '../../../../control-plane/loops/upkeep-loop.ts';
import type { TargetGroup } from '../../../../control-plane/ports/target-publisher.ts';
import { registration } from '../../../support/log-commands.ts';
import { createScalePlane, never } from '../../../support/scale-plane.ts';
import type { ScalePlane } from '../../../support/scale-plane.ts';

const FORGET_AFTER_MS = 100_000;

describe('the upkeep loop', () => {
  let p: ScalePlane;
  let published: Map<string, readonly TargetGroup[]>;
  let options: UpkeepOptions;

  beforeEach(() => {
    p = createScalePlane();
    published = new Map();
    const limits = { staleAfterMs: 10_000, unreachableAfterMs: 60_000 };
    options = {
      ...p,
      consensus: p.memory,
      registry: new NodeRegistry(p.clock, limits),
      targets: { local_process: p.target, docker: null },
      publisher: {
        publish: (kind, groups) => {
          published.set(kind, groups);
          return Promise.resolve();
        },
      },
      logger: p.logger,
      forgetAfterMs: FORGET_AFTER_MS,
      timeoutMs: 40,
    };
  });
  afterEach(() => p.stop());

  const register = (nodeId: string) =>
    p.propose({ kind: 'register_node', registration: registration(nodeId) });
  const run = async (elapsedMs = 0, changed: Partial<UpkeepOptions> = {}): Promise<void> => {
    p.now.monotonicMs += elapsedMs;
    p.now.wallMs += elapsedMs;
    await runUpkeep({ ...options, ...changed }, p.signal);
  };
  const nodes = () => Object.keys(p.memory.readState().nodes);

  it('counts nodes by their health', async () => {
    await register('a');
    await register('b');
    await run();
    options.registry.accept({ nodeId: 'b', failingCollectors: ['gpu'], sequence: 1 });
    await run(10_000);
    assert.deepEqual(await p.metrics('omnimind_nodes{'), [
      'omnimind_nodes{status="healthy"} 0',
      'omnimind_nodes{status="degraded"} 0',
      'omnimind_nodes{status="stale"} 2',
      'omnimind_nodes{status="unreachable"} 0',
    ]);
  });

  it('forgets a node that is silent for long, and not 1 ms before; an id as long as may be, too', async () => {
    const long = 'n'.repeat(128);
    await register('talks');
    await register(long);
    await run();
    await run(FORGET_AFTER_MS - 1);
    assert.equal(nodes().length, 2);
    options.registry.accept({ nodeId: 'talks', failingCollectors: [], sequence: 1 });
    await run(1);
    assert.deepEqual(nodes(), ['talks']);
  });

  const withoutLease = () => ({ consensus: { ...p.memory, leaseTerm: () => null } });

  it('forgets nobody without a lease, and counts no node: heartbeats go to another member', async () => {
    await register('a');
    await run();
    await run(FORGET_AFTER_MS, withoutLease());
    assert.deepEqual(nodes(), ['a']);
    const counted = await p.metrics('omnimind_nodes{');
    assert.ok(
      counted.every((line) => line.endsWith(' 0')),
      counted.join('\n'),
    );
  });

  it('forgets nobody at once when it begins to lead: it has not heard them yet', async () => {
    await register('a');
    await run(0, withoutLease());
    await run(FORGET_AFTER_MS, withoutLease());
    options.registry.restart();
    await run();
    assert.deepEqual(nodes(), ['a']);
    await run(FORGET_AFTER_MS);
    assert.deepEqual(nodes(), []);
  });

  it('publishes nothing without a lease: members may share the files', async () => {
    await register('a');
    await run(0, withoutLease());
    assert.deepEqual([...published.keys()], []);
    await run();
    assert.deepEqual([...published.keys()], ['agents', 'replicas']);
  });

  it('publishes agents and replicas', async () => {
    await register('a');
    await p.put('w', {});
    await p.tick();
    await run();
    assert.equal(published.get('agents')?.length, 1);
    assert.deepEqual(
      published.get('replicas')?.map(({ labels }) => labels['workload']),
      ['w'],
    );
  });

  it('publishes no list of replicas that lacks those it has not seen yet', async () => {
    await p.put('w', {});
    p.target.unavailable = true;
    await run();
    assert.deepEqual([...published.keys()], ['agents']);
    p.target.unavailable = false;
    await run();
    assert.deepEqual([...published.keys()], ['agents', 'replicas']);
  });

  it('does all the rest when a part of it fails, and says what did', async () => {
    await register('a');
    await p.put('w', {});
    await p.tick();
    await run();
    p.memory.failWith('overloaded');
    const publish = (kind: string, groups: readonly TargetGroup[]) => {
      if (kind === 'agents') return Promise.reject(new Error('EROFS'));
      published.set(kind, groups);
      return Promise.resolve();
    };
    published.clear();
    const failing = run(FORGET_AFTER_MS, { publisher: { publish } });
    await assert.rejects(failing, /told to fail: overloaded; EROFS/);
    assert.equal(published.get('replicas')?.length, 1);
    assert.equal(p.warnings().at(-1)?.message, 'a run of the loop failed');
    assert.deepEqual(await p.metrics('omnimind_loop_runs_total{loop="upkeep",outcome="failed"}'), [
      'omnimind_loop_runs_total{loop="upkeep",outcome="failed"} 1',
    ]);
  });

  it('does not hang with a target or a publisher that does', async () => {
    await p.put('w', {});
    p.target.readReplicas = () => never();
    await assert.rejects(
      run(0, { publisher: { publish: () => never() } }),
      /no answer within 40 ms/,
    );
  });

  it('ends at once when it is stopped, without a line', async () => {
    const abort = new AbortController();
    p.target.readReplicas = () => {
      abort.abort();
      return never();
    };
    await p.put('w', {});
    await assert.rejects(runUpkeep({ ...options, timeoutMs: 60_000 }, abort.signal), {
      name: 'AbortError',
    });
    assert.deepEqual(p.warnings(), []);
  });
});
