import assert from 'node:assert/strict';

import {
  AskedRequests,
  ServedRequests,
} from '../../../../../control-plane/adapters/raft/requests.ts';
import { TransportError } from '../../../../../control-plane/ports/raft-transport.ts';

describe('raft requests', () => {
  it('match answers by their ids, in any order', async () => {
    const asked = new AskedRequests();
    const { signal } = new AbortController();
    const ids: number[] = [];
    const [first, second] = ['first', 'second'].map(() =>
      asked.ask(signal, (id) => void ids.push(id)),
    );
    asked.answer(ids[1] ?? 0, Buffer.from('2'));
    asked.answer(ids[0] ?? 0, Buffer.from('1'));
    assert.equal(Buffer.from((await first) ?? []).toString(), '1');
    assert.equal(Buffer.from((await second) ?? []).toString(), '2');
    assert.equal(asked.size, 0);
  });

  it('forget what was aborted, and ignore its answer', async () => {
    const asked = new AskedRequests();
    const abort = new AbortController();
    let askedId = 0;
    const answer = asked.ask(abort.signal, (id) => (askedId = id));
    abort.abort();
    await assert.rejects(answer, TransportError);
    assert.equal(asked.size, 0);
    asked.answer(askedId, Buffer.alloc(0));
  });

  it('ask nothing under a signal that is aborted already', async () => {
    const asked = new AskedRequests();
    let sent = 0;
    await assert.rejects(
      asked.ask(AbortSignal.abort(), () => (sent += 1)),
      TransportError,
    );
    assert.deepEqual([asked.size, sent], [0, 0]);
  });

  it('all fail when the connection is lost', async () => {
    const asked = new AskedRequests();
    const { signal } = new AbortController();
    const answers = [1, 2, 3].map(() => asked.ask(signal, () => undefined));
    asked.failAll('lost');
    for (const answer of answers) await assert.rejects(answer, /^TransportError: lost$/);
  });

  it('are served up to a number and a sum of bytes, and one of any size', () => {
    const served = new ServedRequests(2, 100);
    assert.ok(served.begin(500));
    assert.equal(served.begin(1), false);
    served.end(500);
    assert.ok(served.begin(50));
    assert.ok(served.begin(50));
    assert.equal(served.begin(0), false);
    served.end(50);
    assert.ok(served.begin(50));
  });
});
