/**
 * What deciding costs: `npm run bench -- evaluate [--policies 50,500,5000] [--ticks 12] [--members 3]`.
 * First the
 * decider alone, each evaluation with its full record, for several shapes of policy. Then a live
 * control plane with so many policies on a 15 s tick against a real Prometheus, with a real log, spool
 * and database; the scaling target is in memory. One line of JSON per figure, the last of which says
 * goal by goal whether it was met; the exit status is 1 when one was not. Without Prometheus or
 * PostgreSQL the fleet is skipped by name and reason (`--database pglite` needs no PostgreSQL).
 */

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { postgresMissing } from '../support/postgres.ts';
import { isInstalled } from '../support/process.ts';
import { measureFleet } from './evaluate-fleet.part.ts';
import type { FleetFigures } from './evaluate-fleet.part.ts';
import { measurePure, SHAPES } from './evaluate-pure.part.ts';

const EVALUATIONS_GOAL = 10_000;
const LAG_GOAL_MS = 1_000;
/** Of a policy with one metric: its value and the time of its samples, fifty queries a request. */
const REQUESTS_GOAL = (policies: number): number => 2 * Math.ceil((2 * policies) / 50);
const TICK_MS = 15_000;

interface Goal {
  readonly goal: string;
  readonly value: number;
  readonly bound: number;
  readonly met: boolean;
}

/** Resolves to true when every goal was met that could be judged. */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      policies: { type: 'string', default: '50,500,5000' },
      ticks: { type: 'string', default: '12' },
      seconds: { type: 'string', default: '2' },
      members: { type: 'string', default: '1' },
      database: { type: 'string', default: 'postgres' },
      /** A file for the CPU profile of the plane. */
      profile: { type: 'string' },
    },
  });
  const goals: Goal[] = [];
  for (const shape of Number(values.seconds) > 0 ? SHAPES : []) {
    const figures = measurePure(shape, Number(values.seconds) * 1_000);
    print('evaluations', { shape: shape.name, ...figures });
    const name = `evaluations a second with their records, ${shape.name}`;
    goals.push(atLeast(name, figures.evaluations_with_json_per_s, EVALUATIONS_GOAL));
  }
  const database = values.database === 'pglite' ? 'pglite' : 'postgres';
  const reason = fleetMissing(database);
  if (reason !== null) print('skipped', { what: 'fleet', reason });
  const fleets = reason === null ? values.policies.split(',').filter(Boolean).map(Number) : [];
  const profile = values.profile ?? null;
  const [ticks, members] = [Number(values.ticks), Number(values.members)];
  for (const policies of fleets) {
    const options = { policies, ticks, tickMs: TICK_MS, members, database, profile } as const;
    const figures = await measureFleet(options);
    const head = { policies, members, tick_s: TICK_MS / 1_000, database, target: 'in memory' };
    print('fleet', { ...head, ...figures });
    goals.push(...fleetGoals(policies, ticks, figures));
  }
  const met = goals.every((one) => one.met);
  print('goals', { met, judged: goals.length, goals });
  return met;
}

function fleetGoals(policies: number, ticks: number, figures: FleetFigures): readonly Goal[] {
  const of = (name: string): string => `${name}, ${policies} policies`;
  return [
    atMost(of('p99 of the lag of a tick in ms'), figures.lag_p99_ms, LAG_GOAL_MS),
    atLeast(of('ticks'), figures.ticks, ticks - 1),
    atMost(of('requests a tick'), figures.requests_per_tick, REQUESTS_GOAL(policies)),
    atMost(of('series left out'), figures.metrics_dropped, 0),
    atMost(of('elections'), figures.elections, 0),
  ];
}

/** What is no number meets nothing. */
function atLeast(goal: string, value: number, bound: number): Goal {
  return { goal, value: rounded(value), bound, met: value >= bound };
}

function atMost(goal: string, value: number, bound: number): Goal {
  return { goal, value: rounded(value), bound, met: value <= bound };
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
