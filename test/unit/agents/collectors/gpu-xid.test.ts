import assert from 'node:assert/strict';
import type { Emit } from '../../../../agents/collector.ts';
import { createXidCounters, type XidCounters } from '../../../../agents/collectors/gpu-xid.ts';

function series(counters: XidCounters): Map<string, number> {
  const samples = new Map<string, number>();
  const emit: Emit = (family, value, ...labels) =>
    void samples.set(`${family.name} ${labels.join(' ')}`, value);
  counters.emit(emit);
  return samples;
}

describe('createXidCounters', () => {
  it('exports every known XID at 0 from the start, and no time of a last one', () => {
    const counters = createXidCounters();
    counters.open('A');
    const samples = series(counters);
    const known = [48, 62, 64, 74, 79, 95, 119, 120, 94, 13, 31, 43, 63, 92];
    assert.deepEqual(
      [...samples],
      known.map((xid) => [`omnimind_gpu_xid_errors_total A ${xid}`, 0]),
    );
  });

  it('counts per GPU and XID and remembers when', () => {
    const counters = createXidCounters();
    counters.add('A', 79, 1_000);
    counters.add('A', 79, 61_500);
    counters.add('B', 999, 2_000);
    const samples = series(counters);
    assert.equal(samples.get('omnimind_gpu_xid_errors_total A 79'), 2);
    assert.equal(samples.get('omnimind_gpu_xid_last_timestamp_seconds A 79'), 61.5);
    assert.equal(samples.get('omnimind_gpu_xid_errors_total B 79'), 0);
    assert.equal(samples.get('omnimind_gpu_xid_errors_total B 999'), 1);
  });

  it('counts unknown XIDs beyond 32 of a GPU as one other', () => {
    const counters = createXidCounters();
    for (let xid = 1000; xid < 1040; xid += 1) counters.add('A', xid, 0);
    counters.add('A', 1000, 0);
    const samples = series(counters);
    assert.equal(samples.get('omnimind_gpu_xid_errors_total A 1000'), 2);
    assert.equal(samples.get('omnimind_gpu_xid_errors_total A other'), 8);
  });
});
