/**
 * What deciding costs: `npm run bench -- evaluate [--policies 50,500,5000] [--ticks 12]`. First the
 * decider alone, each evaluation with its full record, for several shapes of policy. Then a live
 * control plane with so many policies on a 15 s tick against a real Prometheus, with a real log, spool
 * and database; the scaling target is in memory. One line of JSON per figure. Without Prometheus or
 * PostgreSQL the fleet is skipped by name and reason (`--database pglite` needs no PostgreSQL).
 */

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { postgresMissing } from '../support/postgres.ts';
import { isInstalled } from '../support/process.ts';
import { measureFleet } from './evaluate-fleet.part.ts';
import { measurePure, SHAPES } from './evaluate-pure.part.ts';

const EVALUATIONS_GOAL = 10_000;
const LAG_GOAL_MS = 1_000;
const TICK_MS = 15_000;

/** Resolves to true when every goal was met that could be judged. */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      policies: { type: 'string', default: '50,500,5000' },
      ticks: { type: 'string', default: '12' },
      seconds: { type: 'string', default: '2' },
      database: { type: 'string', default: 'postgres' },
      /** A file for the CPU profile of the plane. */
      profile: { type: 'string' },
    },
  });
  let met = true;
  for (const shape of Number(values.seconds) > 0 ? SHAPES : []) {
    const figures = measurePure(shape, Number(values.seconds) * 1_000);
    const fast = figures.evaluations_with_json_per_s >= EVALUATIONS_GOAL;
    met &&= fast;
    print('evaluations', { shape: shape.name, ...figures, goal: EVALUATIONS_GOAL, met: fast });
  }
  const database = values.database === 'pglite' ? 'pglite' : 'postgres';
  const reason = fleetMissing(database);
  if (reason !== null) {
    print('skipped', { what: 'fleet', reason });
    return met;
  }
  for (const policies of values.policies.split(',').filter(Boolean).map(Number)) {
    const ticks = Number(values.ticks);
    const profile = values.profile ?? null;
    const figures = await measureFleet({ policies, ticks, tickMs: TICK_MS, database, profile });
    const inTime = figures.lag_p99_ms <= LAG_GOAL_MS && figures.ticks >= ticks - 1;
    met &&= inTime;
    const head = { policies, tick_s: TICK_MS / 1_000, database, target: 'in memory' };
    print('fleet', { ...head, ...figures, goal_lag_ms: LAG_GOAL_MS, met: inTime });
  }
  return met;
}

function fleetMissing(database: 'postgres' | 'pglite'): string | null {
  if (!isInstalled('prometheus')) return 'no prometheus on this machine';
  return database === 'postgres' ? postgresMissing() : null;
}

function print(figure: string, values: object): void {
  const load = loadavg().map(rounded);
  const row = Object.entries(values).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'number' ? rounded(value) : value,
  ]);
  console.log(JSON.stringify({ figure, ...Object.fromEntries(row), load_average: load[0] }));
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
