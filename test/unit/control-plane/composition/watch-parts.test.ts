import assert from 'node:assert/strict';
import { observeRequests } from '../../../../control-plane/composition/watch-parts.ts';
import { renderMetrics } from '../../../../control-plane/telemetry/exposition.ts';
import { createSeries, type Series } from '../../../../control-plane/telemetry/series.ts';

describe('the answers that count for the availability of the API', () => {
  let series: Series;

  beforeEach(() => {
    series = createSeries({ version: '0' });
  });
  afterEach(() => series.stop());

  const answer = (route: string, status: number) => {
    const observer = observeRequests(series);
    observer.requestStarted();
    observer.requestFinished({ method: 'GET', route, status, durationMs: 1, traceId: '0' });
  };

  const counted = async (): Promise<unknown> => {
    const { body } = await renderMetrics(series.registry, 'text/plain');
    const found = body.matchAll(/^omnimind_http_answers_total\{result="(\w+)"\} (\d+)$/gm);
    return Object.fromEntries([...found].map(([, result, count]) => [result, Number(count)]));
  };

  it('are 0 from the start, so that the first failure is an increase', async () => {
    assert.deepEqual(await counted(), { served: 0, failed: 0 });
  });

  it('have failed from 500 on; a refusal is the client’s', async () => {
    for (const status of [200, 304, 404, 422, 499, 500, 503]) answer('/v1/nodes', status);
    assert.deepEqual(await counted(), { served: 4, failed: 2 });
  });

  it('are not those to probes and scrapes, whose failure is an answer', async () => {
    for (const route of ['/livez', '/readyz', '/metrics']) answer(route, 503);
    answer('unmatched', 404);
    assert.deepEqual(await counted(), { served: 1, failed: 0 });
  });
});
