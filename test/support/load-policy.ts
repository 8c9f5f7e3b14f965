/**
 * The load that end-to-end tests scale a plane by, and policies that follow it: a load that a fake
 * Prometheus answers with, swinging so that the plane never comes to rest, and the settings with which
 * a plane looks at it every second.
 */

import { planePlace } from './plane-process.ts';
import type { PlanePlace } from './plane-process.ts';

/** What one replica takes. */
export const REPLICA_LOAD = 10;
const SWING_MS = 12_000;

/** A load that swings between one and six replicas' worth every twelve seconds. */
export function swingingLoad(sinceMs: number): number {
  const swing = Math.sin(((Date.now() - sinceMs) / SWING_MS) * 2 * Math.PI);
  return 35 + 25 * swing;
}

/** The answer to a query for the load, or for the time of it, which is now. */
export function loadSamples(query: string, load: number) {
  const value = query.startsWith('test_load_time') ? Date.now() / 1_000 : load;
  return [{ labels: {}, value: String(value) }];
}

/** A policy's metrics: one, by which a replica is wanted for every ten of the load. */
export function loadMetrics(query: string, timestampQuery: string) {
  const target = { averageValue: REPLICA_LOAD };
  return [{ name: 'load', query, timestampQuery, target }];
}

export interface SwingingOptions {
  readonly prometheusUrl: string;
  readonly settings?: NodeJS.ProcessEnv;
  /** What the policy holds actions back by. */
  readonly brakes: Readonly<
    Record<'stabilization' | 'cooldown', { readonly up: string; readonly down: string }>
  >;
}

/** A place whose plane scales from one to eight replicas on the load. */
export async function swingingPlanePlace(options: SwingingOptions): Promise<PlanePlace> {
  const { brakes, ...place } = options;
  return planePlace({
    ...place,
    tickInterval: '1s',
    prometheusTimeout: '800ms',
    policy: {
      replicas: { min: 1, max: 8 },
      metrics: loadMetrics('test_load', 'test_load_time'),
      ...brakes,
      actionTimeout: '20s',
    },
  });
}
