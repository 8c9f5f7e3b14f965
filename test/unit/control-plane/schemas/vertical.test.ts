import assert from 'node:assert/strict';
import fc from 'fast-check';
import { z } from 'zod';
import type { VerticalSpec } from '../../../../control-plane/model/vertical.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import {
  parseVertical,
  renderVertical,
  verticalDocument,
  verticalOf,
} from '../../../../control-plane/schemas/vertical.ts';
import { verticalShape } from '../../../../control-plane/state/vertical-shape.ts';

const CPU = { resource: 'cpu', query: 'sum by (replica) (rate(x_seconds_total[5m]))' };
const MEMORY = { resource: 'memory', query: 'sum by (replica) (x_bytes)' };
const GPU = { resource: 'gpu_memory', query: 'max by (replica) (x_bytes)' };

describe('the document of vertical recommendations', () => {
  it('fills in the defaults: those of the Vertical Pod Autoscaler, and a day of history', () => {
    assert.deepEqual(parseVertical({ resources: [CPU] }), {
      resources: [
        {
          ...CPU,
          resource: 'cpu',
          request: null,
          percentile: 0.9,
          marginRatio: 0.15,
          min: null,
          max: null,
          warmupMs: 0,
          belowPeak: false,
          oom: null,
          device: null,
        },
      ],
      replicaLabel: 'replica',
      historyMs: 8 * 86_400_000,
      stepMs: 300_000,
      halfLifeMs: 86_400_000,
      peakIntervalMs: 86_400_000,
      spanMinMs: 86_400_000,
      coverageMinRatio: 0.8,
    } satisfies VerticalSpec);
  });

  it('takes every field', () => {
    const spec = parseVertical({
      resources: [
        { ...CPU, request: 2, percentile: 0.95, ignoreFirst: '2m', allowed: { max: 8 } },
        { ...MEMORY, belowPeak: true, oom: { kills: 'sum by (replica) (k)', limit: 'l' } },
        { ...GPU, margin: 0, device: { memory: 80, slices: [10, 20, 80] } },
      ],
      replicaLabel: 'pod',
      history: '48h',
      step: '1m',
      halfLife: '12h',
      peakInterval: '6h',
      spanMin: '48h',
      coverageMin: 0.5,
    });
    const [cpu, memory, gpu] = spec.resources;
    assert.deepEqual([cpu?.request, cpu?.warmupMs, cpu?.max, cpu?.min], [2, 120_000, 8, null]);
    assert.deepEqual(memory?.oom, { killsQuery: 'sum by (replica) (k)', limitQuery: 'l' });
    assert.deepEqual(gpu?.device, { memoryBytes: 80, slicesBytes: [10, 20, 80] });
  });

  const wrong: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['no resource', { resources: [] }, ['/resources']],
    ['a resource twice', { resources: [CPU, MEMORY, CPU] }, ['/resources/2/resource']],
    ['another resource', { resources: [{ ...CPU, resource: 'disk' }] }, ['/resources/0/resource']],
    ['no query', { resources: [{ resource: 'cpu' }] }, ['/resources/0/query']],
    ['a query that is none', { resources: [{ ...CPU, query: 'sum(' }] }, ['/resources/0/query']],
    ['a scalar', { resources: [{ ...CPU, query: '1' }] }, ['/resources/0/query']],
    ['a range', { resources: [{ ...CPU, query: 'x[5m]' }] }, ['/resources/0/query']],
    [
      'memory but for its beginning',
      { resources: [{ ...MEMORY, ignoreFirst: '1m' }] },
      ['/resources/0/ignoreFirst'],
    ],
    [
      'CPU below its peak',
      { resources: [{ ...CPU, belowPeak: true }] },
      ['/resources/0/belowPeak'],
    ],
    [
      'kills for want of CPU',
      { resources: [{ ...CPU, oom: { kills: 'k' } }] },
      ['/resources/0/oom'],
    ],
    [
      'a device of memory',
      { resources: [{ ...MEMORY, device: { memory: 1 } }] },
      ['/resources/0/device'],
    ],
    [
      'bounds the wrong way',
      { resources: [{ ...CPU, allowed: { min: 2, max: 1 } }] },
      ['/resources/0/allowed/min'],
    ],
    [
      'a minimum above the device',
      { resources: [{ ...GPU, allowed: { min: 2 }, device: { memory: 1 } }] },
      ['/resources/0/allowed/min'],
    ],
    [
      'a maximum below each slice',
      { resources: [{ ...GPU, allowed: { max: 1 }, device: { memory: 9, slices: [2] } }] },
      ['/resources/0/allowed/max'],
    ],
    [
      'a slice above the device',
      { resources: [{ ...GPU, device: { memory: 9, slices: [5, 10] } }] },
      ['/resources/0/device/slices/1'],
    ],
    [
      'slices out of order',
      { resources: [{ ...GPU, device: { memory: 9, slices: [5, 5] } }] },
      ['/resources/0/device/slices/1'],
    ],
    ['more samples than are read', { resources: [CPU], history: '720h', step: '1m' }, ['/step']],
    ['a minimum beyond the history', { resources: [CPU], history: '6h' }, ['/spanMin']],
    [
      'a percentile below the median',
      { resources: [{ ...CPU, percentile: 0.4 }] },
      ['/resources/0/percentile'],
    ],
    ['a label that is none', { resources: [CPU], replicaLabel: 'a-b' }, ['/replicaLabel']],
    ['a field too many', { resources: [CPU], window: '1h' }, ['/window']],
    [
      'several at once',
      { resources: [{ ...CPU, oom: { kills: 'k' }, margin: 2 }], step: '5' },
      ['/resources/0/margin', '/step', '/resources/0/oom'],
    ],
  ];
  for (const [title, document, pointers] of wrong) {
    it(`is refused with ${title}`, () => {
      assert.throws(
        () => parseVertical(document),
        (error) => {
          assert.ok(error instanceof SchemaError);
          assert.deepEqual(
            error.faults.map(({ pointer }) => pointer),
            pointers,
            error.message,
          );
          return true;
        },
      );
    });
  }

  it('takes exactly the most samples that are read', () => {
    const at = (history: string) => parseVertical({ resources: [CPU], history, step: '3m' });
    assert.equal(at('500h').historyMs, 10_000 * 180_000);
    assert.throws(() => at('500.1h'), /10002 of these; at most 10000 are read/);
  });

  it('is the same after being written and read again, and has the shape of the log', () => {
    const amount = fc.double({ min: 0.001, max: 1e12, noNaN: true });
    const duration = (min: number, max: number) =>
      fc.integer({ min, max }).map((seconds) => `${seconds}s`);
    const common = {
      request: fc.option(amount, { nil: undefined }),
      percentile: fc.double({ min: 0.5, max: 1, noNaN: true }),
      margin: fc.double({ min: 0, max: 1, noNaN: true }),
    };
    const resources = fc.tuple(
      fc.record({ ...common, ignoreFirst: duration(0, 3_600) }).map((one) => ({ ...CPU, ...one })),
      fc
        .record({ ...common, belowPeak: fc.boolean(), limit: fc.boolean() })
        .map(({ limit, ...one }) => ({
          ...MEMORY,
          ...one,
          oom: { kills: 'k', ...(limit && { limit: 'l' }) },
        })),
      fc
        .record({ ...common, memory: amount, isCut: fc.boolean(), max: fc.boolean() })
        .map(({ memory, isCut, max, ...one }) => ({
          ...GPU,
          ...one,
          ...(max && { allowed: { min: memory / 4, max: memory / 2 } }),
          device: { memory, slices: isCut ? [memory / 3, memory] : [] },
        })),
    );
    const documents = fc.record({
      resources,
      history: duration(86_400, 172_800),
      step: duration(60, 3_600),
      halfLife: duration(60, 90_000),
      peakInterval: duration(60, 90_000),
      spanMin: duration(600, 86_400),
      coverageMin: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(documents, (document) => {
        const spec = parseVertical(document);
        const rendered = renderVertical(spec);
        assert.deepEqual(parseVertical(rendered), spec);
        assert.deepEqual(verticalOf(rendered), spec);
        const kept: unknown = JSON.parse(JSON.stringify(spec));
        assert.equal(verticalShape(kept), null);
        assert.deepEqual(kept, spec);
      }),
    );
  });

  it('can be shown as JSON Schema', () => {
    assert.ok(JSON.stringify(z.toJSONSchema(verticalDocument, { io: 'input' })).includes('slices'));
  });
});

describe('the shape of vertical recommendations in the log', () => {
  const spec = parseVertical({ resources: [MEMORY] });
  const [memory] = spec.resources;

  it('is refused with a field missing, too many or of another type, and says where', () => {
    assert.equal(verticalShape(spec), null);
    assert.match(verticalShape({ ...spec, stepMs: '5m' }) ?? '', /^\.stepMs: /);
    const wrong = { ...spec, resources: [{ ...memory, belowPeak: 1 }] };
    assert.match(verticalShape(wrong) ?? '', /^\.resources\[0\]\.belowPeak: /);
    assert.match(verticalShape({ ...spec, more: 1 }) ?? '', /^\.more: /);
    assert.match(
      verticalShape({ ...spec, replicaLabel: undefined }) ?? '',
      /^\.replicaLabel: nothing/,
    );
  });
});
