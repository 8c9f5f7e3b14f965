/**
 * What every part of a policy that reads something has in common: a query, the query for the age of
 * what is under it, and how many replicas must report. The age is derived where it can be; where it
 * cannot, the document must give it. Nothing is asked of a server here.
 */

import { z } from 'zod';
import type { CoverageSpec, SignalQuery } from '../../model/signal.ts';
import { ratio, type ReadField, strictObject, text } from '../document.ts';
import { type Fault, pointerOf } from '../fault.ts';
import { PROMQL_LENGTH_MAX, promqlText } from '../promql.ts';
import { deriveReplicaTimestampQuery, replicaQueryFault } from '../promql-replica-timestamp.ts';
import { type DerivedTimestamp, deriveTimestampQuery } from '../promql-timestamp.ts';

export type Path = readonly PropertyKey[];

/** The name of a metric, a strategy, a group or an input. */
export const signalName = text('a name', 63)
  .regex(/^[a-z0-9_]{1,63}$/, { error: 'expected 1 to 63 characters of a-z, 0-9 and _' })
  .regex(/^(?!__|constructor$)/, { error: 'reserved: use a name that does not begin with __' });

export const timestampQueryField = promqlText().optional().meta({
  description:
    'PromQL for the UNIX time in seconds of the oldest sample under the value. Derived from the query when omitted, unless the query reads a recorded series.',
});

export const signalFields = {
  query: promqlText().meta({
    description: 'PromQL whose answer is one series or one scalar.',
    examples: ['workload:inference_requests_in_system:sum{workload="demo-inference"}'],
  }),
  timestampQuery: timestampQueryField,
};

const coverageField = strictObject('{ query, min }', {
  query: promqlText().meta({ description: 'PromQL for the number of replicas that report.' }),
  min: ratio(0, 1).meta({ description: 'Share of the ready replicas that must report.' }),
}).optional();

/** A signal that so many replicas must report. */
export const coveredSignalFields = { ...signalFields, coverage: coverageField };

/** What the label is called where the document does not say. */
const REPLICA_LABEL = 'replica';

export const replicaLabelField = text('the name of a label', 128)
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, {
    error: 'expected the name of a label: letters, digits and _, no digit first',
  })
  .default(REPLICA_LABEL)
  .meta({ description: 'Label of the answer’s series that names the replica.' });

export const replicaQuery = promqlText().meta({
  description: 'PromQL whose answer is one series per replica.',
});

interface SignalDocument {
  readonly query: string;
  readonly timestampQuery?: string | undefined;
}

export function signalOf({ query, timestampQuery }: SignalDocument): SignalQuery {
  return { query, timestampQuery: timestampQuery ?? derivedOf(query) ?? '' };
}

/** Leaves out what would be derived, so that editing the query does not leave its old age behind. */
export function signalDocumentOf({ query, timestampQuery }: SignalQuery): {
  query: string;
  timestampQuery?: string;
} {
  return { query, ...(timestampQuery === derivedOf(query) ? {} : { timestampQuery }) };
}

interface CoveredSignalDocument extends SignalDocument {
  readonly coverage?: z.output<typeof coverageField>;
}

interface CoveredSignal extends SignalQuery {
  readonly coverage: CoverageSpec | null;
}

export function coveredSignalOf(document: CoveredSignalDocument): CoveredSignal {
  const { coverage } = document;
  return {
    ...signalOf(document),
    coverage: coverage === undefined ? null : { query: coverage.query, minimumRatio: coverage.min },
  };
}

export function coveredSignalDocumentOf({ coverage, ...signal }: CoveredSignal): {
  query: string;
  timestampQuery?: string;
  coverage?: { query: string; min: number };
} {
  return {
    ...signalDocumentOf(signal),
    ...(coverage === null
      ? {}
      : { coverage: { query: coverage.query, min: coverage.minimumRatio } }),
  };
}

/** The derived query for the age of each replica's values; null when there is none. */
export function replicaTimestampOf(
  queries: readonly string[],
  replicaLabel: string,
): string | null {
  const derived = deriveReplicaTimestampQuery(queries, replicaLabel);
  return derived.kind === 'derived' ? derived.query : null;
}

/** Asks for a timestamp query where the document gives none and none can be derived. */
export function timestampFaults(read: ReadField, path: Path): readonly Fault[] {
  const query = read([...path, 'query'], z.string().max(PROMQL_LENGTH_MAX));
  return query === undefined ? [] : missingTimestamp(read, path, deriveTimestampQuery(query));
}

/** The same where the answer is one series per replica; the queries are members at `path`. */
export function replicaFaults(
  read: ReadField,
  path: Path,
  members: readonly string[],
  dated: readonly string[],
): readonly Fault[] {
  const label = replicaLabelAt(read, path);
  if (label === undefined) return [];
  const faults = members.flatMap((member) => {
    const query = read([...path, member], replicaQuery);
    const message = query === undefined ? null : replicaQueryFault(query, label);
    return message === null ? [] : [{ pointer: pointerOf([...path, member]), message }];
  });
  const queries = dated.map((member) => read([...path, member], replicaQuery));
  if (faults.length > 0 || queries.includes(undefined)) return faults;
  const known = queries.filter((query) => query !== undefined);
  return missingTimestamp(read, path, deriveReplicaTimestampQuery(known, label));
}

function replicaLabelAt(read: ReadField, path: Path): string | undefined {
  const isGiven = read([...path, 'replicaLabel'], z.unknown()) !== undefined;
  return isGiven ? read([...path, 'replicaLabel'], replicaLabelField) : REPLICA_LABEL;
}

function missingTimestamp(read: ReadField, path: Path, derived: DerivedTimestamp) {
  if (read([...path, 'timestampQuery'], z.unknown()) !== undefined) return [];
  if (derived.kind !== 'underivable') return [];
  const pointer = pointerOf([...path, 'timestampQuery']);
  return [{ pointer, message: `required: ${derived.why}` }];
}

function derivedOf(query: string): string | null {
  const derived = deriveTimestampQuery(query);
  return derived.kind === 'derived' ? derived.query : null;
}
