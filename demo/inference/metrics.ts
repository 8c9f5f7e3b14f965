/**
 * The series of one replica, by prom-client. The labels `workload` and `replica` are given by service
 * discovery, so that a replica needs to know nothing of its place.
 */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WorkQueue } from './queue.ts';

export interface InferenceMetrics {
  readonly registry: Registry;
  /** One finished or refused request; `seconds` is queue and service together, null when refused. */
  observe(status: number, seconds: number | null): void;
}

const DURATION_BUCKETS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5];

export function createInferenceMetrics(queue: WorkQueue, workers: number): InferenceMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'inference_requests_total',
    help: 'Requests by HTTP status.',
    labelNames: ['status'],
    registers,
  });
  const duration = new Histogram({
    name: 'inference_request_duration_seconds',
    help: 'Seconds from the arrival of a request to its answer: queue and service.',
    buckets: DURATION_BUCKETS,
    registers,
  });
  new Gauge({
    name: 'inference_requests_in_system',
    help: 'Requests that wait or are being served.',
    registers,
    collect() {
      this.set(queue.inSystem());
    },
  });
  new Gauge({
    name: 'inference_queue_length',
    help: 'Requests that wait for a worker.',
    registers,
    collect() {
      this.set(queue.waiting());
    },
  });
  new Gauge({
    name: 'inference_workers',
    help: 'Requests that this replica serves at the same time.',
    registers,
  }).set(workers);
  let busyReported = 0;
  new Counter({
    name: 'inference_busy_seconds_total',
    help: 'Seconds of worker time used; at most inference_workers per second.',
    registers,
    collect() {
      const busy = queue.busySeconds();
      this.inc(busy - busyReported);
      busyReported = busy;
    },
  });
  requests.inc({ status: '200' }, 0);
  requests.inc({ status: '503' }, 0);
  return {
    registry,
    observe(status, seconds) {
      requests.inc({ status: String(status) });
      if (seconds !== null) duration.observe(seconds);
    },
  };
}
