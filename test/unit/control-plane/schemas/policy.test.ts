import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createDocument } from 'zod-openapi';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import { STRATEGY_KINDS } from '../../../../control-plane/model/strategy.ts';
import { FAULTS_MAX } from '../../../../control-plane/schemas/document.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import {
  parsePolicy,
  policyDocument,
  renderPolicy,
} from '../../../../control-plane/schemas/policy.ts';
import { arbitraryPolicy, arbitraryStrategyOf } from '../../../support/policy-arbitraries.ts';
import { policy as policyOf, strategy } from '../../../support/scale-input.ts';

const METRIC = { name: 'load', query: 'sum(x)', target: { averageValue: 4 } };
const POLICY = {
  id: 'p',
  workload: 'w',
  replicas: { min: 1, max: 8 },
  metrics: [METRIC],
};

describe('the policy document', () => {
  it('fills in the defaults', () => {
    assert.deepEqual(parsePolicy(POLICY), {
      id: 'p',
      workloadId: 'w',
      metrics: [
        {
          name: 'load',
          query: 'sum(x)',
          timestampQuery: 'min(timestamp(x))',
          coverage: null,
          kind: 'average_value',
          target: 4,
        },
      ],
      replicasMin: 1,
      replicasMax: 8,
      toleranceUpRatio: 0.1,
      toleranceDownRatio: 0.1,
      stabilizationUpMs: 0,
      stabilizationDownMs: 300_000,
      cooldownUpMs: 0,
      cooldownDownMs: 0,
      signalAgeMaxMs: 60_000,
      actionTimeoutMs: 120_000,
    } satisfies ScalePolicy);
  });

  it('takes every field, and half of a pair', () => {
    const parsed = parsePolicy({
      ...POLICY,
      metrics: [
        {
          name: 'busy',
          query: 'job:busy:avg',
          timestampQuery: 'job:busy:oldest_timestamp_seconds',
          coverage: { query: 'job:busy:count', min: 0.9 },
          target: { value: 0.7 },
        },
      ],
      tolerance: { up: 0 },
      stabilization: { up: '1.5m', down: '24h' },
      cooldown: { down: '20s' },
      signalAgeMax: '15s',
      actionTimeout: '1h',
    });
    assert.deepEqual(
      [parsed.metrics[0]?.kind, parsed.metrics[0]?.target, parsed.metrics[0]?.coverage],
      ['value', 0.7, { query: 'job:busy:count', minimumRatio: 0.9 }],
    );
    assert.deepEqual(
      [parsed.toleranceUpRatio, parsed.toleranceDownRatio, parsed.stabilizationUpMs],
      [0, 0.1, 90_000],
    );
    assert.deepEqual([parsed.cooldownUpMs, parsed.cooldownDownMs], [0, 20_000]);
  });

  const wrong: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['no object', null, ['']],
    ['a list', [], ['']],
    ['nothing in it', {}, ['/id', '/workload', '/replicas', '/metrics']],
    ['an unknown field', { ...POLICY, kind: 'ScalePolicy' }, ['/kind']],
    ['an id in capitals', { ...POLICY, id: 'P' }, ['/id']],
    ['an id of 64 characters', { ...POLICY, id: 'p'.repeat(64) }, ['/id', '/id']],
    ['an id that every object has', { ...POLICY, id: 'constructor' }, ['/id']],
    ['min above max', { ...POLICY, replicas: { min: 9, max: 8 } }, ['/replicas/min']],
    ['a maximum of 0', { ...POLICY, replicas: { min: 0, max: 0 } }, ['/replicas/max']],
    ['a negative minimum', { ...POLICY, replicas: { min: -1, max: 8 } }, ['/replicas/min']],
    ['half a replica', { ...POLICY, replicas: { min: 1, max: 8.5 } }, ['/replicas/max']],
    ['too many replicas', { ...POLICY, replicas: { min: 1, max: 100_001 } }, ['/replicas/max']],
    ['no metrics', { ...POLICY, metrics: [] }, ['/metrics']],
    ['17 metrics', { ...POLICY, metrics: many(17) }, ['/metrics']],
    ['a name twice', { ...POLICY, metrics: [METRIC, METRIC] }, ['/metrics/1/name']],
    ['a name with a dash', metric({ name: 'a-b' }), ['/metrics/0/name']],
    ['a name like __proto__', metric({ name: '__proto__' }), ['/metrics/0/name']],
    ['no target', metric({ target: undefined }), ['/metrics/0/target']],
    ['an empty target', metric({ target: {} }), ['/metrics/0/target']],
    ['both targets', metric({ target: { value: 1, averageValue: 1 } }), ['/metrics/0/target']],
    ['a target of 0', metric({ target: { value: 0 } }), ['/metrics/0/target/value']],
    ['an infinite target', metric({ target: { value: Infinity } }), ['/metrics/0/target/value']],
    ['PromQL cut short', metric({ query: 'sum(x' }), ['/metrics/0/query']],
    ['a range vector', metric({ query: 'x[5m]' }), ['/metrics/0/query']],
    ['a string as query', metric({ query: '"x"' }), ['/metrics/0/query']],
    ['a query as number', metric({ query: 1 }), ['/metrics/0/query']],
    ['a recorded series without age', metric({ query: 'a:b' }), ['/metrics/0/timestampQuery']],
    ['coverage above 1', metric({ coverage: { query: 'x', min: 2 } }), ['/metrics/0/coverage/min']],
    ['tolerance above 1', { ...POLICY, tolerance: { up: 1.1 } }, ['/tolerance/up']],
    ['a negative tolerance', { ...POLICY, tolerance: { down: -0.1 } }, ['/tolerance/down']],
    ['seconds as a number', { ...POLICY, signalAgeMax: 60 }, ['/signalAgeMax']],
    ['an age of 0', { ...POLICY, signalAgeMax: '0s' }, ['/signalAgeMax']],
    ['a window of 25 hours', { ...POLICY, stabilization: { up: '25h' } }, ['/stabilization/up']],
  ];
  for (const [what, document, pointers] of wrong) {
    it(`refuses ${what}`, () => {
      assert.deepEqual(pointersOf(document), pointers);
    });
  }

  it('reports the faults of fields and those between fields at once', () => {
    const pointers = pointersOf({
      id: 'A B',
      wrkload: 'w',
      replicas: { min: 9, max: 8 },
      metrics: [
        { name: 'x', query: 'sum(', target: {} },
        { name: 'x', query: 'a:b', target: { value: -1, averageValue: 'x' }, more: 1 },
      ],
      signalAgeMax: 300,
      tolerance: { up: 2 },
    });
    assert.deepEqual([...pointers].sort(), [
      '/id',
      '/metrics/0/query',
      '/metrics/0/target',
      '/metrics/1/more',
      '/metrics/1/name',
      '/metrics/1/target',
      '/metrics/1/target/averageValue',
      '/metrics/1/target/value',
      '/metrics/1/timestampQuery',
      '/replicas/min',
      '/signalAgeMax',
      '/tolerance/up',
      '/workload',
      '/wrkload',
    ]);
  });

  it('lists a bounded number of faults and counts the others', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`field${n}`, n]));
    const faults = faultsOf({ ...POLICY, ...many });
    assert.equal(faults.length, FAULTS_MAX);
    assert.match(faults.at(-1)?.message ?? '', /^4901 more faults/);
  });

  it('leaves a derived timestamp query out of what it renders', () => {
    const rendered = renderPolicy(parsePolicy(POLICY));
    assert.equal(rendered.metrics[0]?.timestampQuery, undefined);
    const edited = { ...rendered, metrics: [{ ...METRIC, query: 'sum(y)' }] };
    assert.equal(parsePolicy(edited).metrics[0]?.timestampQuery, 'min(timestamp(y))');
  });

  it('parses what it renders to the same policy, and renders that to the same document', () => {
    fc.assert(
      fc.property(arbitraryPolicy(), (policy) => {
        const rendered = renderPolicy(policy);
        assert.deepEqual(parsePolicy(JSON.parse(JSON.stringify(rendered))), policy);
        assert.deepEqual(renderPolicy(parsePolicy(rendered)), rendered);
      }),
    );
  });

  for (const kind of STRATEGY_KINDS) {
    it(`gives back a strategy of the kind ${kind}`, () => {
      const given = policyOf({ metrics: [], strategies: [strategy(kind)] });
      assert.deepEqual(parsePolicy(renderPolicy(given)), given);
      fc.assert(
        fc.property(arbitraryStrategyOf(kind), (spec) => {
          const drawn = policyOf({ metrics: [], strategies: [spec] });
          assert.deepEqual(parsePolicy(renderPolicy(drawn)), drawn);
        }),
        { numRuns: 30 },
      );
    });
  }

  it('gives back a policy of nomad-autoscaler, groups and all', () => {
    const kinds = ['target_value', 'pass_through', 'threshold'] as const;
    const nomad = arbitraryPolicy({ kinds, optional: false });
    fc.assert(
      fc.property(nomad, (drawn) => {
        const specs = drawn.strategies ?? [strategy('pass_through')];
        const given = policyOf({
          ...drawn,
          metrics: [],
          strategies: specs.map((spec) => ({ ...spec, group: 'g' })),
          replicasMin: Math.max(1, drawn.replicasMin),
          combination: 'winner',
          compatibility: 'nomad',
        });
        assert.deepEqual(parsePolicy(renderPolicy(given)), given);
      }),
      { numRuns: 50 },
    );
  });

  it('leaves absent what the document does not ask for, and what is the default', () => {
    const plain = parsePolicy(POLICY);
    const spelt = parsePolicy({
      ...POLICY,
      strategies: [],
      schedules: [],
      budgets: [],
      combination: 'max',
      compatibility: 'default',
      whileBooting: 'wait',
      metrics: [{ ...METRIC, fromReplicas: false }],
    });
    assert.deepEqual(spelt, plain);
    assert.deepEqual(Object.keys(plain).sort(), Object.keys(policyOf()).sort());
    assert.deepEqual(Object.keys(spelt).sort(), Object.keys(plain).sort());
    const rendered = Object.keys(renderPolicy(plain));
    for (const member of ['strategies', 'rates', 'combination', 'onLost', 'vertical']) {
      assert.ok(!rendered.includes(member));
    }
  });

  it('is a schema that OpenAPI can show, with its defaults', () => {
    const document = createDocument({
      openapi: '3.1.0',
      info: { title: 'test', version: '1' },
      paths: {
        '/policies': {
          put: {
            requestBody: { content: { 'application/json': { schema: policyDocument } } },
            responses: {},
          },
        },
      },
    });
    const text = JSON.stringify(document.components?.schemas?.['ScalePolicy']);
    assert.match(text, /"required":\["id","workload","replicas"\]/);
    assert.match(text, /"default":"60s"/);
  });
});

function metric(change: object): unknown {
  return { ...POLICY, metrics: [{ ...METRIC, ...change }] };
}

function many(count: number): readonly unknown[] {
  return Array.from({ length: count }, (_, n) => ({ ...METRIC, name: `m${n}` }));
}

function faultsOf(document: unknown) {
  try {
    parsePolicy(document);
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return [];
}

function pointersOf(document: unknown): readonly string[] {
  return faultsOf(document).map(({ pointer }) => pointer);
}
