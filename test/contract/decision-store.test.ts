/** The decision store's contract, over memory, PGlite and a real Postgres. */

import { createDecisionStore } from '../../control-plane/adapters/postgres/decision-store.ts';
import type { PostgresDecisionStore } from '../../control-plane/adapters/postgres/decision-store.ts';
import { createMemoryDecisionStore } from '../support/memory-decision-store.ts';
import { EMPTY_DATABASE } from '../support/postgres.ts';
import { storeSuites } from '../support/store-suites.ts';
import { START_MS, decisionStoreContract } from './decision-store.ts';

describe('decision store in memory', () => {
  decisionStoreContract(() =>
    Promise.resolve({ store: createMemoryDecisionStore(), settle: () => Promise.resolve() }),
  );
});

storeSuites<PostgresDecisionStore>({
  name: 'decision store',
  connectionsMax: 4,
  emptied: EMPTY_DATABASE,
  open: async (options) => {
    const store = await createDecisionStore({ ...options, nowMs: () => START_MS });
    await store.start();
    return store;
  },
  contract: decisionStoreContract,
});
