/**
 * Everything that may be thrown at a Raft port: random bytes, huge lengths, members of other clusters, wrong
 * secrets, what was recorded before, and connections that never say anything. All of it is refused and
 * counted, nothing of it reaches a handler, memory stays where it was, and two members go on talking.
 * OMNIMIND_TEST_GARBAGE_CONNECTIONS sets how many connections come (300; the full run has 10,000).
 */

import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { TRANSPORT_LIMITS } from '../../../control-plane/adapters/raft/limits.ts';
import { ATTACKS, storm, targetAt } from '../../support/raft-attacks.ts';
import { append, heartbeat, introduce, startMember, until } from '../../support/raft-pair.ts';
import type { TestMember } from '../../support/raft-pair.ts';
import { closed } from '../../support/raft-raw.ts';

const CONNECTIONS = Number(process.env['OMNIMIND_TEST_GARBAGE_CONNECTIONS'] ?? 300);
const MIB = 1024 * 1024;

describe(`raft port under ${CONNECTIONS} connections of garbage`, () => {
  let m1: TestMember;
  let m2: TestMember;

  before(async () => {
    m1 = await startMember('m1');
    m2 = await startMember('m2');
    await introduce([m1, m2]);
  });

  after(async () => {
    await Promise.all([m1, m2].map((member) => member.transport.stop()));
  });

  for (const attack of ATTACKS) {
    it(`refuses and counts ${attack.name}`, async () => {
      const before = m1.heard.refused.length;
      const socket = await attack.run(targetAt(m1.port, 'm1', 'm2'));
      await closed(socket);
      await until('it is counted', () => m1.heard.refused.length > before);
      const causes = m1.heard.refused.slice(before);
      assert.ok(
        causes.every((cause) => attack.causes.includes(cause)),
        causes.join(),
      );
    });
  }

  it('hears its members and nobody else all the while, in the memory that it had', async function () {
    this.timeout(60_000 + CONNECTIONS * 60);
    const received = { rounds: 0 };
    const messages = m1.heard.messages;
    messages.length = 0;
    m1.heard.refused.length = 0;
    let round = 0;
    const beat = setInterval(() => {
      round += 1;
      m2.transport.send(heartbeat('m2', 'm1', round), null);
      m2.transport.send(append('m2', 'm1', round, Buffer.alloc(200)), null);
    }, 5);
    const before = heldBytes();
    let peak = before;
    let strangers = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, memoryBytes());
      strangers = Math.max(strangers, m1.heard.open.unauthenticated);
    }, 20);
    await storm(targetAt(m1.port, 'm1', 'm2'), CONNECTIONS);
    await until('all strangers are gone', () => m1.heard.open.unauthenticated === 0, 10_000);
    clearInterval(watch);
    clearInterval(beat);
    await until('the last beat is heard', () => messages.length >= 2 * round);
    for (const { message } of messages) {
      assert.equal(message.from, 'm2');
      assert.equal(message.term, 3);
      if (message.kind === 'heartbeat') received.rounds = Math.max(received.rounds, message.round);
    }
    assert.deepEqual([received.rounds, messages.length], [round, 2 * round]);
    messages.length = 0;
    const after = heldBytes();
    assert.equal(m1.heard.unreachable.includes('m2'), false);
    assert.deepEqual(m2.heard.unreachable, []);
    assert.ok(m1.heard.refused.length >= CONNECTIONS, `${m1.heard.refused.length} were counted`);
    assert.ok(strangers <= TRANSPORT_LIMITS.unauthenticatedMax + 1, `${strangers} strangers`);
    assert.ok(after - before < 8 * MIB, `${before} bytes became ${after}`);
    assert.ok(peak - before < 192 * MIB, `${before} bytes were ${peak} meanwhile`);
    assert.deepEqual(m1.heard.open, { members: 2, clients: 0, unauthenticated: 0 });
  });
});

/** What is still held: garbage is collected first. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc()');
  return memoryBytes();
}

function memoryBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
