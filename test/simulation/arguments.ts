/** What the command line of the simulation asks for, or what is wrong with it. */

import { parseArgs } from 'node:util';
import { PLANTS } from './plants.ts';
import type { Plant } from './plants.ts';

export interface SimulationArguments {
  readonly kind: 'seeds' | 'plants' | 'help';
  readonly from: number;
  readonly seeds: number;
  readonly plant: Plant | null;
  /** Numbers of the faults to strike; null for all. */
  readonly faults: readonly number[] | null;
  readonly trace: boolean;
}

export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

const SEEDS_DEFAULT = 500;
/** Each plant must be found within so many seeds. */
export const PLANT_SEEDS_MAX = 2_000;

export const USAGE = `npm run simulate -- [options]
  --seeds N       run so many seeds (default ${SEEDS_DEFAULT})
  --from S        the first one (default 1)
  --plant NAME    with this fault planted into the sources
  --plants        each planted fault in turn, until it is found, within ${PLANT_SEEDS_MAX} seeds
  --faults A,B    with --seeds 1: only the faults with these numbers, or none
  --trace         with --seeds 1: print everything that happens
`;

/** @throws ArgumentError that names the argument and says what to do */
export function readArguments(args: readonly string[]): SimulationArguments {
  const values = parse(args);
  const seeds = whole('seeds', values.seeds, SEEDS_DEFAULT, 1);
  const from = whole('from', values.from, 1, 0);
  const trace = values.trace === true;
  const one = trace || values.faults !== undefined;
  if (one && seeds !== 1) {
    throw new ArgumentError('--faults and --trace are for one seed: add --seeds 1 --from SEED');
  }
  if (values.plants === true && (one || values.plant !== undefined || values.seeds !== undefined)) {
    throw new ArgumentError('--plants runs by itself: leave the other options out');
  }
  const kind = values.help === true ? 'help' : values.plants === true ? 'plants' : 'seeds';
  const faults = values.faults === undefined ? null : faultNumbers(values.faults);
  return { kind, from, seeds, plant: plantNamed(values.plant), faults, trace };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        plant: { type: 'string' },
        plants: { type: 'boolean' },
        faults: { type: 'string' },
        trace: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ArgumentError(message, { cause });
  }
}

function whole(name: string, text: string | undefined, fallback: number, min: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value < 2 ** 31) return value;
  throw new ArgumentError(`--${name} ${text}: give a whole number from ${min} to ${2 ** 31 - 1}`);
}

function plantNamed(name: string | undefined): Plant | null {
  if (name === undefined) return null;
  const plant = PLANTS.find((one) => one.name === name);
  if (plant !== undefined) return plant;
  const names = PLANTS.map((one) => one.name).join(', ');
  throw new ArgumentError(`--plant ${name}: give one of ${names}`);
}

function faultNumbers(text: string): readonly number[] {
  if (text === 'none') return [];
  const numbers = text.split(',').map(Number);
  if (numbers.every((number) => Number.isInteger(number) && number >= 0)) return numbers;
  throw new ArgumentError(`--faults ${text}: give numbers with commas between them, or none`);
}
