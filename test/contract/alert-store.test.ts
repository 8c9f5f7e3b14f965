/** The alert store's contract, over memory, PGlite and a real Postgres. */

import { createAlertStore } from '../../control-plane/adapters/postgres/alert-store.ts';
import type { PostgresAlertStore } from '../../control-plane/adapters/postgres/alert-store.ts';
import { createMemoryAlertStore } from '../support/memory-alert-store.ts';
import { storeSuites } from '../support/store-suites.ts';
import { ALERTS_START_MS, alertStoreContract } from './alert-store.ts';

describe('alert store in memory', () => {
  alertStoreContract(() =>
    Promise.resolve({ store: createMemoryAlertStore(), settle: () => Promise.resolve() }),
  );
});

storeSuites<PostgresAlertStore>({
  name: 'alert store',
  connectionsMax: 2,
  // A new store would learn of the watchdog from what the one before it wrote.
  emptied: 'truncate alerts',
  open: async (options) => {
    const store = await createAlertStore({ ...options, nowMs: () => ALERTS_START_MS });
    store.start();
    return store;
  },
  contract: alertStoreContract,
});
