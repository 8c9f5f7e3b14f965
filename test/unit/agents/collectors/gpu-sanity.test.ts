import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FIELDS } from '../../../../agents/collectors/gpu-families.ts';
import { rejectImpossible } from '../../../../agents/collectors/gpu-sanity.ts';
import {
  GPU_FIELDS,
  emptyReading,
  type GpuReading,
  type GpuValues,
} from '../../../../agents/sources/gpu/snapshot.ts';

const GIB = 2 ** 30;

function reading(values: GpuValues, more: Partial<GpuReading> = {}): GpuReading {
  const identity = { uuid: 'GPU-1', name: 'H200', index: 0, pciBusId: '' };
  return {
    ...emptyReading({ ...identity, serial: '', vbiosVersion: '', minorNumber: '' }),
    values,
    ...more,
  };
}

describe('rejectImpossible', () => {
  it('keeps what a healthy H200 reports', () => {
    const values: GpuValues = {
      utilization_ratio: 1,
      memory_total_bytes: 141 * GIB,
      memory_used_bytes: 0,
      temperature_celsius: 37,
      power_watts: 85.16,
      energy_joules_total: 123_456_789.012,
      clock_sm_hertz: 345e6,
    };
    const sane = rejectImpossible(reading(values));
    assert.deepEqual(sane.reading.values, values);
    assert.deepEqual(sane.rejected, []);
  });

  const impossible: readonly (readonly [string, GpuValues])[] = [
    ['utilization of 101 %', { utilization_ratio: 1.01 }],
    ['utilization of 4294967295 %', { utilization_ratio: 42_949_672.95 }],
    ['a temperature above 150', { temperature_celsius: 151 }],
    ['a negative temperature', { temperature_celsius: -1 }],
    ['power of 4294967295 mW', { power_watts: 4_294_967.295 }],
    ["DCGM's blank", { ecc_corrected_volatile_errors_total: Number(9_223_372_036_854_775_794n) }],
    ['an energy of 2^64 - 1 mJ', { energy_joules_total: 2 ** 64 / 1000 }],
    ['a replay counter of 4294967295', { pcie_replays_total: 4_294_967_295 }],
    ['no memory at all', { memory_total_bytes: 0 }],
    ['a clock of 25 GHz', { clock_sm_hertz: 25e9 }],
    ['a flag of 2', { ecc_enabled: 2 }],
  ];
  for (const [title, values] of impossible) {
    it(`rejects ${title} and names the field`, () => {
      const sane = rejectImpossible(reading(values));
      assert.deepEqual(sane.reading.values, {});
      assert.deepEqual(sane.rejected, Object.keys(values));
    });
  }

  it('keeps memory in use that exceeds the total by 1 %, and rejects more', () => {
    const total = 100 * GIB;
    const fits = rejectImpossible(
      reading({ memory_total_bytes: total, memory_used_bytes: total * 1.01 }),
    );
    assert.equal(fits.reading.values.memory_used_bytes, total * 1.01);
    const over = rejectImpossible(
      reading({ memory_total_bytes: total, memory_used_bytes: total * 1.011 }),
    );
    assert.equal(over.reading.values.memory_used_bytes, undefined);
    assert.equal(over.reading.values.memory_total_bytes, total);
    assert.deepEqual(over.rejected, ['memory_used_bytes']);
  });

  it('counts unreadable text, a mask of sentinels and the memory of instances and processes', () => {
    const sane = rejectImpossible(
      reading(
        {},
        {
          unreadable: ['power_watts'],
          clockEventReasons: 2 ** 64,
          migInstances: [
            {
              ...{ uuid: 'MIG-1', name: '', gpuInstance: 1, computeInstance: 0 },
              ...{ memoryTotalBytes: GIB, memoryUsedBytes: 2 * GIB },
            },
          ],
          processes: [{ pid: 1, name: 'a', memoryBytes: -1 }],
        },
      ),
    );
    assert.deepEqual(sane.rejected, [
      'power_watts',
      'clock_event_reasons',
      'mig_memory_bytes',
      'process_memory_bytes',
    ]);
    assert.equal(sane.reading.clockEventReasons, null);
    assert.deepEqual(
      sane.reading.migInstances.map((mig) => [mig.memoryTotalBytes, mig.memoryUsedBytes]),
      [[GIB, null]],
    );
    assert.deepEqual(sane.reading.processes, []);
  });

  it('lets no value out of its range and loses none in silence, whatever comes in', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...GPU_FIELDS), fc.double({ noNaN: true }), { maxKeys: 60 }),
        (values) => {
          const sane = rejectImpossible(reading(values));
          for (const [field, { min, max }] of FIELDS) {
            const value = sane.reading.values[field];
            assert.ok(value === undefined || (value >= min && value <= max), field);
          }
          const kept = Object.keys(sane.reading.values).length;
          assert.equal(kept + sane.rejected.length, Object.keys(values).length);
        },
      ),
    );
  });
});
