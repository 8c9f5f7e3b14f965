/**
 * The body of a PUT whose document repeats the id of its path. A mismatch is one fault among the
 * document's others, not a second round.
 */

import type { z } from 'zod';

import { type Fault, SchemaError } from '../schemas/fault.ts';
import type { BodySpec } from './route.ts';

export function documentBody<T extends { readonly id: string }>(
  schema: z.ZodType,
  parse: (value: unknown) => T,
): BodySpec<T> {
  return {
    schema,
    parse: (value, parameters) => {
      const faults: Fault[] = [];
      if (isOtherId(value, parameters['id'])) {
        faults.push({ pointer: '/id', message: 'is not the id in the path' });
      }
      try {
        const parsed = parse(value);
        if (faults.length === 0) return parsed;
      } catch (error) {
        if (!(error instanceof SchemaError)) throw error;
        faults.push(...error.faults);
      }
      throw new SchemaError(faults);
    },
  };
}

function isOtherId(value: unknown, id: unknown): boolean {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'id')) return false;
  return Reflect.get(value, 'id') !== id;
}
