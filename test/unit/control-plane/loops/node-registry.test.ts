import assert from 'node:assert/strict';
import { NodeRegistry } from '../../../../control-plane/loops/node-registry.ts';

describe('NodeRegistry', () => {
  let nowMs = 0;
  const clock = { nowMs: () => 0, monotonicMs: () => nowMs };
  const limits = { staleAfterMs: 15_000, unreachableAfterMs: 60_000 };
  const beat = (failingCollectors: readonly string[] = []) => ({
    nodeId: 'a',
    failingCollectors,
    sequence: 0,
  });
  const statusAfter = (registry: NodeRegistry, ms: number) => {
    nowMs = ms;
    return registry.health('a').status;
  };

  beforeEach(() => {
    nowMs = 0;
  });

  it('goes from healthy to stale to unreachable by the age of the last heartbeat', () => {
    const registry = new NodeRegistry(clock, limits);
    registry.accept(beat());
    assert.equal(statusAfter(registry, 14_999), 'healthy');
    assert.equal(statusAfter(registry, 15_000), 'stale');
    assert.equal(statusAfter(registry, 59_999), 'stale');
    assert.equal(statusAfter(registry, 60_000), 'unreachable');
    registry.accept(beat());
    assert.equal(registry.health('a').status, 'healthy');
  });

  it('is degraded while collectors fail, and names them', () => {
    const registry = new NodeRegistry(clock, limits);
    registry.accept(beat(['gpu']));
    const health = registry.health('a');
    assert.equal(health.status, 'degraded');
    assert.match(health.evidence, /gpu/);
  });

  it('ages a node that was never heard from the first time it is asked for', () => {
    const registry = new NodeRegistry(clock, limits);
    assert.equal(statusAfter(registry, 1_000_000), 'healthy');
    assert.equal(statusAfter(registry, 1_015_000), 'stale');
  });

  it('begins anew when it is restarted: nodes age from then, whatever was heard before', () => {
    const registry = new NodeRegistry(clock, limits);
    registry.accept(beat(['gpu']));
    assert.equal(statusAfter(registry, 60_000), 'unreachable');
    registry.restart();
    assert.equal(statusAfter(registry, 60_000), 'healthy');
    assert.equal(statusAfter(registry, 75_000), 'stale');
  });

  it('drops what it holds of nodes that left', () => {
    const registry = new NodeRegistry(clock, limits);
    registry.accept(beat(['gpu']));
    registry.retain(new Set());
    assert.equal(registry.health('a').status, 'healthy');
  });
});
