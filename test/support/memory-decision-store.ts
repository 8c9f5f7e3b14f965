/**
 * A decision store in memory, for tests of what stands before the port. It passes the contract
 * suite of the real one; records go through JSON as they do there.
 */

import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import { DecisionStoreError } from '../../control-plane/ports/decision-store.ts';
import type {
  DecisionFilter,
  DecisionPage,
  DecisionStore,
  DecisionStoreStatus,
} from '../../control-plane/ports/decision-store.ts';

export interface MemoryDecisionStore extends DecisionStore {
  /** From now on reads fail as they do when the database is away; appends still resolve. */
  goAway(reason: string): void;
  comeBack(): void;
}

export function createMemoryDecisionStore(): MemoryDecisionStore {
  const texts = new Map<string, string>();
  let away: string | null = null;
  const present = (signal: AbortSignal) => {
    if (away !== null) throw new DecisionStoreError(away);
    if (signal.aborted) throw new DecisionStoreError('aborted', { cause: signal.reason });
  };
  return {
    append: (records) => {
      for (const record of records) {
        const known = texts.get(record.decisionId);
        const replaces =
          known !== undefined && parse(known).token === null && record.token !== null;
        if (known === undefined || replaces) texts.set(record.decisionId, JSON.stringify(record));
      }
      return Promise.resolve();
    },
    list: async (filter, limit, afterId, signal): Promise<DecisionPage> => {
      await Promise.resolve();
      present(signal);
      const found = [...texts.values()]
        .map(parse)
        .filter((record) => matches(record, filter))
        .filter(({ decisionId }) => afterId === null || decisionId < afterId)
        .sort((a, b) => (a.decisionId < b.decisionId ? 1 : -1));
      const records = found.slice(0, limit);
      const last = found.length > limit ? records.at(-1) : undefined;
      return { records, nextAfterId: last?.decisionId ?? null };
    },
    read: async (decisionId, signal) => {
      await Promise.resolve();
      present(signal);
      const text = texts.get(decisionId);
      return text === undefined ? null : parse(text);
    },
    status: (): DecisionStoreStatus => ({
      connected: away === null,
      buffered: 0,
      dropped: 0,
      spoolBytes: 0,
      spoolBytesMax: 1024,
      lastError: away,
    }),
    goAway: (reason) => {
      away = reason;
    },
    comeBack: () => {
      away = null;
    },
  };
}

function parse(text: string): DecisionRecord {
  return JSON.parse(text) as DecisionRecord;
}

function matches(record: DecisionRecord, filter: DecisionFilter): boolean {
  const { verdict } = record.outcome;
  const direction = verdict.kind === 'act' ? verdict.direction : null;
  return (
    (filter.workloadId === null || filter.workloadId === record.workloadId) &&
    (filter.policyId === null || filter.policyId === record.policyId) &&
    (filter.verdict === null || filter.verdict === verdict.kind) &&
    (filter.direction === null || filter.direction === direction) &&
    (filter.reason === null || filter.reason === verdict.reason) &&
    (filter.traceId === null || filter.traceId === record.traceId) &&
    (filter.fromMs === null || record.atMs >= filter.fromMs) &&
    (filter.toMs === null || record.atMs < filter.toMs)
  );
}
