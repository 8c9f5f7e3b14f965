import assert from 'node:assert/strict';
import { createPortableCollector } from '../../../../agents/collectors/node-portable.ts';
import type { PortableFacts } from '../../../../agents/sources/portable-facts.ts';
import { readPortableFacts } from '../../../../agents/sources/portable-facts.ts';
import { recordEmit } from '../../../support/recorded-emit.ts';

const facts: PortableFacts = {
  cpus: [{ modesMs: { user: 1500, idle: 2000 } }],
  loads: null,
  uptimeSeconds: 9,
  memory: {
    totalBytes: 100,
    freeBytes: 20,
    availableBytes: 50,
    swapTotalBytes: 0,
    swapFreeBytes: 0,
  },
  networks: ['en0', 'veth1'].map((device) => ({
    device,
    receivedBytes: 1,
    sentBytes: 2,
    receiveErrors: 0,
    sendErrors: 0,
    receiveDrops: 0,
    sendDrops: 0,
  })),
};

async function collect(
  readFacts: () => Promise<PortableFacts>,
): Promise<ReadonlyMap<string, number>> {
  const collector = createPortableCollector({
    networksExclude: /^veth/,
    readSizes: (mounts) =>
      Promise.resolve(mounts.map((mount) => ({ mount, size: null, state: 'ok' as const }))),
    readFacts,
  });
  const { emit, samples, families } = recordEmit();
  await collector.collect(emit, new AbortController().signal);
  const declared = new Set(collector.families);
  assert.ok([...families].every((family) => declared.has(family)));
  return samples;
}

describe('portable node collector', () => {
  it('gives the core series under the names that Linux hosts use, and no load where there is none', async () => {
    const samples = await collect(() => Promise.resolve(facts));
    assert.equal(samples.get('omnimind_node_cpu_seconds_total{cpu="0",mode="user"}'), 1.5);
    assert.equal(samples.get('omnimind_node_memory_available_bytes'), 50);
    assert.equal(samples.get('omnimind_node_network_transmit_bytes_total{device="en0"}'), 2);
    assert.ok(![...samples.keys()].some((series) => /load|veth/.test(series)));
  });

  it('reads a real host', async () => {
    const samples = await collect(readPortableFacts);
    assert.ok((samples.get('omnimind_node_memory_total_bytes') ?? 0) > 1e6);
    assert.ok((samples.get('omnimind_node_uptime_seconds') ?? 0) > 0);
  });
});
