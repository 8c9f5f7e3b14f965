/** What a test tells the source of metrics when it says nothing else: no credentials, five seconds. */

import type { PrometheusOptions } from '../../control-plane/adapters/prometheus/source.ts';

export function sourceOptions(
  baseUrl: string,
  options: Partial<PrometheusOptions> = {},
): PrometheusOptions {
  return {
    baseUrl,
    headers: {},
    tokenFile: null,
    caFile: null,
    certFile: null,
    keyFile: null,
    timeoutMs: 5_000,
    monotonicMs: () => performance.now(),
    ...options,
  };
}
