import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  parseInstantAnswer,
  parseRangeAnswer,
} from '../../../../../control-plane/adapters/prometheus/answer.ts';
import type { Exchange } from '../../../../../control-plane/adapters/prometheus/connection.ts';

const EMPTY = { kind: 'answered', status: 200, contentType: 'application/json', body: '' } as const;

describe('an answer of the query API', () => {
  it('gives the samples of a vector, special values included', () => {
    const values = ['1.5', '-0', '1e+06', '.5', 'NaN', '+Inf', '-Inf', '0'];
    const result = values.map((value, n) => ({ metric: { n: `${n}` }, value: [1.0005, value] }));
    const answer = parseInstantAnswer(success('vector', result));
    assert.ok(answer.kind === 'ok');
    assert.deepEqual(
      answer.result.map((sample) => sample.value),
      [1.5, -0, 1e6, 0.5, NaN, Infinity, -Infinity, 0],
    );
    const [first] = answer.result;
    assert.deepEqual([first?.labels, first?.evaluatedAtMs], [{ n: '0' }, 1_001]);
  });

  it('takes an answer that lacks data for none, however the server says so', () => {
    const detailOf = (more: object): string | null => {
      const data = { resultType: 'vector', result: [{ metric: {}, value: [1, '2'] }] };
      const body = JSON.stringify({ status: 'success', ...more, data });
      const answer = parseInstantAnswer({ ...EMPTY, body });
      if (answer.kind === 'ok') return null;
      assert.deepEqual([answer.kind, answer.transport], ['incomplete', false]);
      return answer.detail;
    };
    for (const whole of [
      {},
      { isPartial: false },
      { warnings: null },
      { warnings: [] },
      { warnings: ['PromQL warning: a'], infos: ['PromQL info: b'] },
    ]) {
      assert.equal(detailOf(whole), null, JSON.stringify(whole));
    }
    for (const [lacking, detail] of [
      [{ isPartial: true }, /partial/],
      [{ isPartial: 'true' }, /partial/],
      [{ warnings: ['PromQL warning: a', 'No StoreAPIs matched'] }, /warns: No StoreAPIs/],
      [{ warnings: 'a store is away' }, /warns: a store is away/],
      [{ warnings: [{}] }, /warns/],
    ] as const) {
      assert.match(detailOf(lacking) ?? '', detail, JSON.stringify(lacking));
    }
  });

  it('gives a scalar as one sample without labels', () => {
    assert.deepEqual(parseInstantAnswer(success('scalar', [2, '7'])), {
      kind: 'ok',
      result: [{ labels: {}, value: 7, evaluatedAtMs: 2_000 }],
    });
  });

  it('gives a native histogram as NaN, which no decider takes for a number', () => {
    const result = [{ metric: {}, histogram: [1, { count: '3', sum: '4' }] }];
    const answer = parseInstantAnswer(success('vector', result));
    assert.ok(answer.kind === 'ok');
    assert.deepEqual(answer.result, [{ labels: {}, value: NaN, evaluatedAtMs: 1_000 }]);
  });

  it('gives the points of a matrix', () => {
    const result = [
      {
        metric: { a: 'b' },
        values: [
          [1, '2'],
          [2, 'NaN'],
        ],
      },
    ];
    assert.deepEqual(parseRangeAnswer(success('matrix', result)), {
      kind: 'ok',
      result: [
        {
          labels: { a: 'b' },
          points: [
            [1_000, 2],
            [2_000, NaN],
          ],
        },
      ],
    });
  });

  const malformed: readonly (readonly [string, Exchange, RegExp])[] = [
    ['no content type', answered({ contentType: '' }), /content type missing/],
    [
      'a content type that only begins right',
      answered({ contentType: 'application/jsonp' }),
      /jsonp/,
    ],
    ['an empty body', answered({ body: '' }), /invalid JSON, 0 characters: \(empty\)/],
    ['a list', answered({ body: '[]' }), /no JSON object/],
    ['null', answered({ body: 'null' }), /no JSON object/],
    [
      'another status',
      answered({ body: '{"status":"fine","data":{}}' }),
      /no data with status success/,
    ],
    ['no result type', answered({ body: '{"status":"success","data":{}}' }), /no resultType/],
    ['a matrix', success('matrix', []), /answers with a matrix/],
    ['a string', success('string', [1, 'x']), /answers with a string/],
    ['a result that is an object', success('vector', {}), /no list/],
    ['a sample that is null', success('vector', [null]), /no object/],
    [
      'labels that are no texts',
      success('vector', [{ metric: { a: 1 }, value: [1, '1'] }]),
      /labels/,
    ],
    ['no value', success('vector', [{ metric: {} }]), /no pair/],
    [
      'a value as number',
      success('vector', [{ metric: {}, value: [1, 1] }]),
      /no number as text: 1/,
    ],
    [
      'a value as word',
      success('vector', [{ metric: {}, value: [1, 'low'] }]),
      /no number as text: low/,
    ],
    ['an empty value', success('vector', [{ metric: {}, value: [1, ''] }]), /no number as text/],
    ['a hexadecimal value', success('vector', [{ metric: {}, value: [1, '0x10'] }]), /no number/],
    [
      'a time as text',
      success('vector', [{ metric: {}, value: ['1', '1'] }]),
      /time that is no number/,
    ],
    ['three parts', success('vector', [{ metric: {}, value: [1, '1', 2] }]), /no pair/],
    [
      'an error without words',
      answered({ body: '{"status":"error"}' }),
      /neither type nor message/,
    ],
    ['206', answered({ status: 206, body: '{}' }), /status 206/],
  ];
  for (const [what, exchange, detail] of malformed) {
    it(`is malformed: ${what}`, () => {
      const answer = parseInstantAnswer(exchange);
      assert.ok(answer.kind === 'malformed', JSON.stringify(answer));
      assert.match(answer.detail, detail);
      assert.equal(answer.transport, false);
    });
  }

  const errors: readonly (readonly [number, string, string, boolean])[] = [
    [400, 'bad_data', 'rejected', false],
    [422, 'execution', 'rejected', false],
    [200, 'execution', 'rejected', false],
    [503, 'timeout', 'timeout', false],
    [503, 'canceled', 'timeout', false],
    [500, 'internal', 'unavailable', true],
    [503, 'unavailable', 'unavailable', true],
    [404, 'not_found', 'unavailable', false],
    [422, 'something_new', 'unavailable', false],
  ];
  for (const [status, errorType, kind, transport] of errors) {
    it(`with status ${status} and error ${errorType} is ${kind}`, () => {
      const body = JSON.stringify({ status: 'error', errorType, error: 'why' });
      const answer = parseInstantAnswer(answered({ status, body }));
      assert.deepEqual(answer, { kind, detail: `${errorType}: why`, transport });
    });
  }

  it('that is a page of text is unavailable when the status says so, on one short line', () => {
    const page = answered({
      status: 502,
      contentType: 'text/html',
      body: `<p>\n\t${'x'.repeat(5_000)}`,
    });
    const answer = parseInstantAnswer(page);
    assert.ok(answer.kind === 'unavailable');
    assert.equal(answer.transport, true);
    assert.ok(answer.detail.length < 200 && !answer.detail.includes('\n'));
  });

  it('never throws and never invents a number, whatever JSON comes', () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (result, data) => {
        for (const body of [
          data,
          `{"status":"success","data":${data}}`,
          `{"status":"success","data":{"resultType":"vector","result":${result}}}`,
          `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":${result}}]}}`,
        ]) {
          const answer = parseInstantAnswer(answered({ body }));
          if (answer.kind === 'ok') {
            assert.ok(answer.result.every((sample) => typeof sample.value === 'number'));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

function answered(change: Partial<Extract<Exchange, { kind: 'answered' }>>): Exchange {
  return { kind: 'answered', status: 200, contentType: 'application/json', body: '{}', ...change };
}

function success(resultType: string, result: unknown): Exchange {
  return answered({ body: JSON.stringify({ status: 'success', data: { resultType, result } }) });
}
