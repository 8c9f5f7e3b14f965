import assert from 'node:assert/strict';

import { createLeaderDirectory, watchSuccession } from '../../../../control-plane/http/leader.ts';
import type { Leadership, Standing } from '../../../../control-plane/ports/consensus.ts';
import { pollUntil } from '../../../support/process.ts';

const following = (leaderId: string | null): Leadership => ({
  kind: 'follower',
  term: 1,
  leaderId,
});
const LEADING: Leadership = { kind: 'leader', term: 1, leaderId: 'self' };

function directoryOf(urls: Readonly<Record<string, string>>) {
  let reads = 0;
  const now = { leadership: following(null), standing: 'member' as Standing };
  const directory = createLeaderDirectory({
    status: () => {
      reads += 1;
      return { memberId: 'self', ...now };
    },
    apiUrl: (id) => urls[id] ?? null,
    pollIntervalMs: 2,
  });
  return { directory, now, reads: () => reads };
}

describe('the directory of the leader', () => {
  const urls = { a: 'http://a.example:1', b: 'https://b.example', c: 'file:///etc', d: 'nonsense' };
  const patience = () => AbortSignal.timeout(5_000);

  it('names the leader and its URL, if that is one of HTTP', () => {
    const { directory, now } = directoryOf(urls);
    for (const [leaderId, url] of [
      ['a', urls.a],
      ['b', urls.b],
      ['c', null],
      ['d', null],
      ['unheard', null],
      ['self', null],
      [null, null],
    ] as const) {
      now.leadership = following(leaderId);
      assert.equal(directory.leaderApiUrl()?.url ?? null, url, String(leaderId));
    }
  });

  it('is found at once when it is known, this member included', async () => {
    const { directory, now } = directoryOf(urls);
    now.leadership = following('a');
    await directory.waitForLeader(null, patience());
    await directory.waitForLeader('b', patience());
    now.leadership = LEADING;
    assert.equal(directory.isLeader(), true);
    await directory.waitForLeader('a', patience());
  });

  it('is waited for until it is another than the one that failed', async () => {
    const { directory, now } = directoryOf(urls);
    now.leadership = following('a');
    let isOver = false;
    const waiting = directory.waitForLeader('a', patience()).then(() => (isOver = true));
    now.leadership = following(null);
    await directory.waitForLeader('x', AbortSignal.timeout(20)).catch(() => undefined);
    assert.equal(isOver, false);
    now.leadership = following('b');
    await waiting;
  });

  it('is not waited for by a member that hears of no other, and it says why', async () => {
    const { directory, now } = directoryOf(urls);
    const never = new AbortController().signal;
    const waiting = directory.waitForLeader(null, never);
    now.standing = 'outside';
    await assert.rejects(waiting, /not a member of the cluster/u);
    await assert.rejects(directory.waitForLeader(null, never), /not a member of the cluster/u);
    now.standing = 'waiting';
    await assert.rejects(directory.waitForLeader(null, never), /waits to be added/u);
    assert.match(directory.whyUnled() ?? '', /waits to be added/u);
  });

  it('is the last one that is known to a member that was removed', async () => {
    const { directory, now } = directoryOf(urls);
    now.standing = 'outside';
    now.leadership = following('a');
    await directory.waitForLeader(null, patience());
    assert.equal(directory.leaderApiUrl()?.memberId, 'a');
    assert.equal(directory.whyUnled(), null);
  });

  it('rejects with the reason of the signal, and asks nothing once nobody waits', async () => {
    const { directory, reads } = directoryOf(urls);
    const reason = new Error('enough');
    const given = new AbortController();
    const waiting = directory.waitForLeader(null, given.signal);
    await pollUntil('it is asked', 5_000, () => reads() > 3);
    given.abort(reason);
    await assert.rejects(waiting, reason);
    await assert.rejects(directory.waitForLeader(null, given.signal), reason);
    const after = reads();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(reads(), after);
  });
});

describe('the watch over a succession', () => {
  it('gives the old leader its grace and then gives it up', async () => {
    const { directory, now } = directoryOf({ a: 'http://a', b: 'http://b' });
    now.leadership = following('a');
    const watch = watchSuccession(directory, 'a', 5);
    now.leadership = following('b');
    await pollUntil('it is given up', 5_000, () => watch.signal.aborted);
    watch.end();
  });

  it('says nothing once it has ended', async () => {
    const { directory, now } = directoryOf({ a: 'http://a', b: 'http://b' });
    now.leadership = following('a');
    const watch = watchSuccession(directory, 'a', 0);
    watch.end();
    now.leadership = following('b');
    const other = watchSuccession(directory, 'a', 1);
    await pollUntil('another is given up', 5_000, () => other.signal.aborted);
    assert.equal(watch.signal.aborted, false);
    other.end();
  });
});
