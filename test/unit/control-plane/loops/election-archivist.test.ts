import assert from 'node:assert/strict';
import { ElectionArchivist } from '../../../../control-plane/loops/election-archivist.ts';
import type { Election } from '../../../../control-plane/model/election.ts';
import type { ElectionArchive } from '../../../../control-plane/ports/election-archive.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import { ELECTIONS_MAX } from '../../../../control-plane/state/elections.ts';
import { election } from '../../../support/elections.ts';

const { signal } = new AbortController();

/** A database that keeps what it is given by id, and counts how often it was given something. */
class Archive implements ElectionArchive {
  readonly rows = new Map<string, Election>();
  readonly batches: string[][] = [];
  connected = true;
  failing = false;

  readonly isThere = (): boolean => this.connected;

  readonly storeElections = (elections: readonly Election[]): Promise<void> => {
    if (this.failing) return Promise.reject(new Error('the database is away'));
    this.batches.push(elections.map(({ electionId }) => electionId));
    for (const one of elections) this.rows.set(one.electionId, one);
    return Promise.resolve();
  };
}

class Cluster {
  elections: readonly Election[] = [];
  term: number | null = 1;
  readonly warnings: object[] = [];
  readonly archive = new Archive();

  run(archivist: ElectionArchivist, batchMax = 64): Promise<void> {
    const nothing = (): void => undefined;
    return archivist.run(
      {
        consensus: {
          leaseTerm: () => this.term,
          readState: () => ({ ...INITIAL_STATE, elections: this.elections }),
        },
        archive: this.archive,
        logger: {
          debug: nothing,
          info: nothing,
          warn: (fields) => void this.warnings.push(fields),
          error: nothing,
        },
        batchMax,
        timeoutMs: 1_000,
      },
      signal,
    );
  }
}

describe('the archivist of elections', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
  });

  it('stores each election once, in batches, and nothing again', async () => {
    const archivist = new ElectionArchivist();
    cluster.elections = [0, 1, 2].map((nth) => election(nth));
    await cluster.run(archivist, 2);
    await cluster.run(archivist, 2);
    cluster.elections = [...cluster.elections, election(3, { outcome: 'timed_out' })];
    await cluster.run(archivist, 2);
    assert.deepEqual(cluster.archive.batches, [['m1-1-0', 'm1-2-1'], ['m1-3-2'], ['m1-4-3']]);
  });

  it('stores nothing while it does not lead', async () => {
    cluster.term = null;
    cluster.elections = [election(0)];
    await cluster.run(new ElectionArchivist());
    assert.deepEqual(cluster.archive.batches, []);
  });

  it('as a new leader brings everything that the state holds', async () => {
    cluster.elections = [0, 1].map((nth) => election(nth));
    await cluster.run(new ElectionArchivist());
    await cluster.run(new ElectionArchivist());
    assert.deepEqual([...cluster.archive.rows.keys()], ['m1-1-0', 'm1-2-1']);
    assert.equal(cluster.archive.batches.length, 2);
  });

  it('rejects when the database fails, and brings them with the next run', async () => {
    const archivist = new ElectionArchivist();
    cluster.elections = [election(0)];
    cluster.archive.failing = true;
    await assert.rejects(cluster.run(archivist), /away/);
    cluster.archive.failing = false;
    cluster.elections = [election(0), election(1)];
    await cluster.run(archivist);
    assert.deepEqual(cluster.archive.batches, [['m1-1-0', 'm1-2-1']]);
  });

  it('asks nothing of a database that is away, and tells it everything when one is back', async () => {
    const archivist = new ElectionArchivist();
    cluster.elections = [election(0)];
    await cluster.run(archivist);
    cluster.archive.connected = false;
    cluster.elections = [election(0), election(1)];
    await cluster.run(archivist);
    assert.equal(cluster.archive.batches.length, 1);
    // The one that is back may be an empty one.
    cluster.archive.connected = true;
    await cluster.run(archivist);
    assert.deepEqual(cluster.archive.batches[1], ['m1-1-0', 'm1-2-1']);
    assert.deepEqual(cluster.warnings, []);
  });

  it('says how many elections the state forgot before they could be stored', async () => {
    const archivist = new ElectionArchivist();
    cluster.archive.connected = false;
    const all = Array.from({ length: ELECTIONS_MAX + 5 }, (_, nth) => election(nth));
    cluster.elections = all.slice(0, ELECTIONS_MAX);
    await cluster.run(archivist);
    cluster.elections = all.slice(5);
    await cluster.run(archivist);
    assert.deepEqual(cluster.warnings, [{ elections: 5 }]);
    cluster.archive.connected = true;
    await cluster.run(archivist);
    assert.equal(cluster.archive.rows.size, ELECTIONS_MAX);
    assert.equal(cluster.warnings.length, 1);
  });
});
