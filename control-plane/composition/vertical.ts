/**
 * What vertical recommendations are read with: a metrics source of its own, so that a slow history
 * neither waits with what the scale loop reads nor opens its breaker, nor counts among its requests.
 */

import { createPrometheusSource } from '../adapters/prometheus/source.ts';
import { VerticalReader } from '../loops/vertical-reader.ts';
import { traceHeaders } from '../telemetry/span.ts';
import type { Context } from './parts.ts';

/** Of one piece of a history, in ms; that of a tick's queries if it is longer. */
const PIECE_TIMEOUT_MS = 10_000;

export function openVerticalReader({ config, clock, stops }: Context): VerticalReader {
  const source = createPrometheusSource({
    ...config.prometheus,
    timeoutMs: Math.max(PIECE_TIMEOUT_MS, config.prometheus.timeoutMs),
    monotonicMs: () => clock.monotonicMs(),
    requestHeaders: traceHeaders,
  });
  stops.push('prometheus history', () => source.close());
  return new VerticalReader({ source, clock });
}
