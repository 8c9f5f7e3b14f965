import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createLeaderScoped } from '../../../../control-plane/composition/leadership.ts';
import type { LeaderScoped } from '../../../../control-plane/composition/leadership.ts';
import { pollUntil } from '../../../support/process.ts';

describe('what only a leader has open', () => {
  let leads = false;
  let mayAct = true;
  let asked = 0;
  /** What the one thing is told, in order. */
  let told: string[] = [];
  let fails: string | null = null;
  let holdOpening: Promise<unknown> = Promise.resolve();
  let troubles: string[] = [];
  let scoped: LeaderScoped<string> | null = null;

  beforeEach(() => {
    leads = false;
    mayAct = true;
    asked = 0;
    told = [];
    fails = null;
    holdOpening = Promise.resolve();
    troubles = [];
  });
  afterEach(() => scoped?.stop());

  function create(): LeaderScoped<string> {
    scoped = createLeaderScoped<string>({
      leads: () => {
        asked += 1;
        return leads;
      },
      mayAct: () => mayAct,
      open: async () => {
        await holdOpening;
        if (fails !== null) {
          told.push('failed');
          throw new Error(fails);
        }
        told.push('opened');
        return 'thing';
      },
      close: async () => {
        told.push('closed');
        await Promise.resolve();
      },
      onTrouble: (doing, error) => troubles.push(`${doing}: ${String(error)}`),
      pollMs: 2,
      retryMs: 2,
    });
    return scoped;
  }
  const until = (what: string, condition: () => boolean) => pollUntil(what, 2000, condition);

  it('is opened when leadership comes, and closed when it goes', async () => {
    const one = create();
    assert.equal(one.current(), null);
    leads = true;
    one.leadershipChanged();
    await until('it is open', () => one.current() === 'thing');
    leads = false;
    await until('it is closed', () => told.includes('closed'));
    assert.equal(one.current(), null);
    leads = true;
    await until('it is open again', () => one.current() === 'thing');
    assert.deepEqual(told, ['opened', 'closed', 'opened']);
  });

  it('waits for the lease before it opens, and keeps it open while the lease is between two renewals', async () => {
    mayAct = false;
    leads = true;
    const one = create();
    await until('it has asked', () => asked > 5);
    assert.deepEqual(told, []);
    mayAct = true;
    await until('it is open', () => one.current() === 'thing');
    mayAct = false;
    asked = 0;
    await until('it has looked again', () => asked > 5);
    assert.deepEqual(told, ['opened']);
  });

  it('tries again while another has it, says so once, and says why it is not open', async () => {
    fails = 'in use by process 7';
    leads = true;
    const one = create();
    await until('it has tried', () => told.length > 3);
    assert.deepEqual(troubles, ['open: Error: in use by process 7']);
    assert.equal(one.trouble(), 'in use by process 7');
    fails = null;
    await until('it is open', () => one.current() === 'thing');
    assert.equal(one.trouble(), null);
  });

  it('is closed again when leadership was lost while it opened', async () => {
    const opening = Promise.withResolvers<null>();
    holdOpening = opening.promise;
    leads = true;
    const one = create();
    leads = false;
    opening.resolve(null);
    await until('it is closed', () => told.includes('closed'));
    assert.equal(one.current(), null);
  });

  it('is closed in another way by a stop, and not opened afterwards', async () => {
    leads = true;
    const one = create();
    await until('it is open', () => one.current() === 'thing');
    await one.stop(() => {
      told.push('ended');
      return Promise.resolve();
    });
    assert.deepEqual(told, ['opened', 'ended']);
    one.leadershipChanged();
    assert.equal(one.current(), null);
    assert.deepEqual(told, ['opened', 'ended']);
  });

  it('never has two open, however leadership comes and goes', async function () {
    this.timeout(20_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 3 })), { maxLength: 30 }),
        async (changes) => {
          let open = 0;
          let most = 0;
          let leading = false;
          const turn = () => new Promise((resolve) => setImmediate(resolve));
          const one = createLeaderScoped<null>({
            leads: () => leading,
            mayAct: () => leading,
            open: async () => {
              await turn();
              open += 1;
              most = Math.max(most, open);
              return null;
            },
            close: async () => {
              await turn();
              open -= 1;
            },
            onTrouble: () => undefined,
            pollMs: 1,
          });
          for (const [now, turns] of changes) {
            leading = now;
            one.leadershipChanged();
            for (let count = 0; count < turns; count += 1) await turn();
          }
          await one.stop();
          assert.ok(most <= 1);
          assert.equal(open, 0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
