import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';

import {
  AcceptorHandshake,
  DialerHandshake,
  FORMAT_MAX_UNTOLD,
  HANDSHAKE_BYTES_MAX,
} from '../../../../../control-plane/adapters/raft/handshake.ts';
import type {
  Channel,
  HandshakeStep,
  Party,
} from '../../../../../control-plane/adapters/raft/handshake.ts';
import { PLAIN_CHANNEL } from '../../../../../control-plane/adapters/raft/tls.ts';

const SECRET = randomBytes(32);

function party(id: string, more: Partial<Party> = {}): Party {
  const versions = { min: 1, max: 1 };
  const cluster = { clusterName: 'c', clusterDigest: 'digest', secret: SECRET };
  return { id, role: 'member', ...cluster, versions, formatMax: 3, ...more };
}

/** The message with another body behind its head, and the length that goes with it. */
function withBody(message: Buffer, body: Buffer): Buffer {
  const head = Buffer.from(message.subarray(0, 7));
  head.writeUInt16LE(body.length, 5);
  return Buffer.concat([head, body]);
}

/** What a dialer proves that has said and heard this. */
function dialerProof(said: Buffer, heard: Buffer): Buffer {
  const transcript = createHash('sha256').update(said).update(heard).digest();
  const hmac = createHmac('sha256', SECRET).update('omnimind raft dialer proof\0');
  return withBody(Buffer.from('OMRF\x02\0\0', 'latin1'), hmac.update(transcript).digest());
}

interface Ends {
  readonly dialer: HandshakeStep;
  readonly acceptor: HandshakeStep;
}

/** Carries what both say to each other until nobody has anything to say. */
function shake(
  from: Party,
  to: Party,
  expects = to.id,
  channels = [PLAIN_CHANNEL, PLAIN_CHANNEL],
): Ends {
  const [near = PLAIN_CHANNEL, far = PLAIN_CHANNEL] = channels;
  const dialer = new DialerHandshake(from, near, expects, randomBytes(32));
  const acceptor = new AcceptorHandshake(to, far, randomBytes(32));
  let toAcceptor: Buffer | null = dialer.hello;
  let ends: Ends = {
    dialer: { kind: 'more', reply: null },
    acceptor: { kind: 'more', reply: null },
  };
  while (toAcceptor !== null) {
    const accepted = acceptor.receive(toAcceptor);
    ends = { ...ends, acceptor: accepted };
    if (accepted.reply === null) break;
    const dialled = dialer.receive(accepted.reply);
    ends = { ...ends, dialer: dialled };
    toAcceptor = dialled.kind === 'more' ? dialled.reply : null;
  }
  return ends;
}

function causes({ dialer, acceptor }: Ends): readonly (string | null)[] {
  return [dialer, acceptor].map((step) => (step.kind === 'refused' ? step.cause : null));
}

describe('raft handshake', () => {
  it('tells each side who the other is, and gives each direction a key of its own', () => {
    const { dialer, acceptor } = shake(party('m1'), party('m2'));
    assert(dialer.kind === 'done' && acceptor.kind === 'done');
    assert.equal(dialer.session.peerId, 'm2');
    assert.equal(acceptor.session.peerId, 'm1');
    assert.deepEqual(dialer.session.keys?.send, acceptor.session.keys?.receive);
    assert.deepEqual(dialer.session.keys?.receive, acceptor.session.keys?.send);
    assert.notDeepEqual(dialer.session.keys?.send, dialer.session.keys?.receive);
  });

  it('gives every connection other keys', () => {
    const [first, second] = [shake(party('m1'), party('m2')), shake(party('m1'), party('m2'))];
    assert(first.dialer.kind === 'done' && second.dialer.kind === 'done');
    assert.notDeepEqual(first.dialer.session.keys, second.dialer.session.keys);
  });

  it('refuses a wrong secret before it says anything computed from its own', () => {
    const ends = shake(party('m1', { secret: randomBytes(32) }), party('m2'));
    assert.deepEqual(causes(ends), ['refused_by_peer', 'proof']);
  });

  it('refuses an acceptor that does not know the secret', () => {
    const dialer = new DialerHandshake(party('m1'), PLAIN_CHANNEL, 'm2', randomBytes(32));
    const impostor = party('m2', { secret: randomBytes(32) });
    const acceptor = new AcceptorHandshake(impostor, PLAIN_CHANNEL, randomBytes(32));
    const hello = acceptor.receive(dialer.hello).reply;
    assert(hello !== null);
    const proof = dialer.receive(hello).reply;
    assert(proof !== null);
    // Reflected: the dialer's own proof is not one of an acceptor.
    const step = dialer.receive(proof);
    assert(step.kind === 'refused');
    assert.equal(step.cause, 'proof');
  });

  it('refuses a handshake that was heard before', () => {
    const said: Buffer[] = [];
    const dialer = new DialerHandshake(party('m1'), PLAIN_CHANNEL, 'm2', randomBytes(32));
    const first = new AcceptorHandshake(party('m2'), PLAIN_CHANNEL, randomBytes(32));
    said.push(dialer.hello);
    const hello = first.receive(dialer.hello).reply;
    assert(hello !== null);
    const proof = dialer.receive(hello).reply;
    assert(proof !== null);
    said.push(proof);
    assert.equal(first.receive(proof).kind, 'done');
    const second = new AcceptorHandshake(party('m2'), PLAIN_CHANNEL, randomBytes(32));
    const steps = said.map((message) => second.receive(message));
    assert.deepEqual(
      steps.map((step) => (step.kind === 'refused' ? step.cause : step.kind)),
      ['more', 'proof'],
    );
  });

  it('refuses another cluster by its name, and by its digest where both know one', () => {
    const named = shake(party('m1', { clusterName: 'other' }), party('m2'));
    assert.deepEqual(causes(named), ['refused_by_peer', 'foreign_cluster']);
    const digested = shake(party('m1', { clusterDigest: 'other' }), party('m2'));
    assert.deepEqual(causes(digested), ['refused_by_peer', 'foreign_cluster']);
    const waiting = shake(party('m1', { clusterDigest: null }), party('m2'));
    assert.deepEqual(causes(waiting), [null, null]);
  });

  it('refuses its own id, and a member that expects another one', () => {
    assert.equal(causes(shake(party('m1'), party('m1')))[1], 'wrong_member');
    assert.equal(causes(shake(party('m1'), party('m2'), 'm3'))[1], 'wrong_member');
  });

  it('agrees on the highest version of both, and refuses when there is none', () => {
    const versionOf = (near: [number, number], far: [number, number]): number | string | null => {
      const [dialling, accepting] = [near, far].map(([min, max]) => ({ versions: { min, max } }));
      const ends = shake(party('m1', dialling), party('m2', accepting));
      return ends.acceptor.kind === 'done'
        ? ends.acceptor.session.version
        : (causes(ends)[1] ?? null);
    };
    assert.equal(versionOf([1, 2], [1, 1]), 1);
    assert.equal(versionOf([1, 2], [2, 3]), 2);
    assert.equal(versionOf([1, 3], [1, 3]), 3);
    assert.equal(versionOf([1, 1], [2, 3]), 'version');
    assert.equal(versionOf([3, 4], [1, 2]), 'version');
  });

  it('tells each side which format the other reads, as high as it was before that was told', () => {
    const told = (near: number | null, far: number | null): readonly (number | null)[] => {
      const ends = shake(party('m1', { formatMax: near }), party('m2', { formatMax: far }));
      return [ends.dialer, ends.acceptor].map((step) =>
        step.kind === 'done' ? step.session.peerFormatMax : null,
      );
    };
    assert.deepEqual(told(3, 4), [4, 3]);
    assert.deepEqual(told(null, 4), [4, FORMAT_MAX_UNTOLD]);
    assert.deepEqual(told(3, null), [FORMAT_MAX_UNTOLD, 3]);
    assert.equal(FORMAT_MAX_UNTOLD, 2, 'no program from before read more');
  });

  it('takes a hello with anything behind what it knows, and has all of it proven', () => {
    const trailing = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), trailing, (formatMax, bytes) => {
        const { hello } = new DialerHandshake(
          party('m1', { formatMax }),
          PLAIN_CHANNEL,
          'm2',
          randomBytes(32),
        );
        const said = withBody(hello, Buffer.concat([hello.subarray(7), bytes]));
        const shaken = (proven: Buffer): HandshakeStep => {
          const acceptor = new AcceptorHandshake(party('m2'), PLAIN_CHANNEL, randomBytes(32));
          const { reply } = acceptor.receive(said);
          assert(reply !== null);
          return acceptor.receive(dialerProof(proven, reply));
        };
        const step = shaken(said);
        assert(step.kind === 'done');
        assert.equal(step.session.peerFormatMax, formatMax);
        if (bytes.length > 0) assert.equal(shaken(hello).kind, 'refused');
      }),
    );
  });

  it('refuses a hello that is cut short anywhere', () => {
    const from = party('m1', { formatMax: null });
    const { hello } = new DialerHandshake(from, PLAIN_CHANNEL, 'm2', randomBytes(32));
    for (let length = 0; length < hello.length - 7; length += 1) {
      const acceptor = new AcceptorHandshake(party('m2'), PLAIN_CHANNEL, randomBytes(32));
      const step = acceptor.receive(withBody(hello, hello.subarray(7, 7 + length)));
      assert(step.kind === 'refused');
      assert.equal(step.cause, 'malformed');
    }
  });

  it('lets a client come without saying whom it expects', () => {
    const ends = shake(party('tool', { role: 'client' }), party('m2'), '');
    assert(ends.acceptor.kind === 'done');
    assert.equal(ends.acceptor.session.peerRole, 'client');
    assert.equal(causes(shake(party('m1'), party('m2'), ''))[1], 'wrong_member');
  });

  it('refuses a certificate that is not of the id, and hellos of two TLS sessions', () => {
    const bound = (binding: string, holds = true): Channel => ({
      binding: Buffer.from(binding),
      holds: () => holds,
    });
    const one = shake(party('m1'), party('m2'), 'm2', [bound('a'), bound('a', false)]);
    assert.equal(causes(one)[1], 'certificate');
    const relayed = shake(party('m1'), party('m2'), 'm2', [bound('a'), bound('b')]);
    assert.equal(causes(relayed)[1], 'proof');
    const fine = shake(party('m1'), party('m2'), 'm2', [bound('a'), bound('a')]);
    assert(fine.acceptor.kind === 'done');
    assert.equal(fine.acceptor.session.keys, null);
  });

  it('refuses a side that has a secret where the other has none', () => {
    assert.equal(causes(shake(party('m1', { secret: null }), party('m2')))[1], 'proof');
  });

  it('refuses garbage at its first byte, and a length above the limit at once', () => {
    const stepFor = (bytes: Buffer): HandshakeStep =>
      new AcceptorHandshake(party('m2'), PLAIN_CHANNEL, randomBytes(32)).receive(bytes);
    const garbage = stepFor(Buffer.from('G'));
    assert(garbage.kind === 'refused');
    assert.deepEqual([garbage.cause, garbage.reply], ['malformed', null]);
    const head = Buffer.from('OMRF\x01\0\0', 'latin1');
    head.writeUInt16LE(HANDSHAKE_BYTES_MAX, 5);
    const long = stepFor(head);
    assert(long.kind === 'refused');
    assert.equal(long.cause, 'oversized');
    head.writeUInt16LE(10, 5);
    const short = stepFor(Buffer.concat([head, Buffer.alloc(10)]));
    assert(short.kind === 'refused');
    assert.equal(short.cause, 'malformed');
  });

  it('keeps waiting for a hello that comes byte by byte', () => {
    const dialer = new DialerHandshake(party('m1'), PLAIN_CHANNEL, 'm2', randomBytes(32));
    const acceptor = new AcceptorHandshake(party('m2'), PLAIN_CHANNEL, randomBytes(32));
    const steps = [...dialer.hello].map((byte) => acceptor.receive(Buffer.from([byte])));
    assert.deepEqual(new Set(steps.map((step) => step.kind)), new Set(['more']));
    assert.ok(steps.at(-1)?.reply instanceof Buffer);
  });
});
