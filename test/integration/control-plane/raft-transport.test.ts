/** Members and clients over real sockets: what arrives, what is given up, and what never grows. */

import { FORMAT_MAX } from '../../../control-plane/state/format.ts';
import assert from 'node:assert/strict';
import net from 'node:net';

import { connectRaftClient } from '../../../control-plane/adapters/raft/client.ts';
import type { RaftClient } from '../../../control-plane/adapters/raft/client.ts';
import { TransportError } from '../../../control-plane/ports/raft-transport.ts';
import {
  CLUSTER,
  SECRET,
  append,
  echo,
  heartbeat,
  introduce,
  signalWithin,
  startMember,
  until,
} from '../../support/raft-pair.ts';
import type { OnRequest, TestMember } from '../../support/raft-pair.ts';
import { startProxy } from '../../support/raft-proxy.ts';
import { closed, connectRaw, rawParty } from '../../support/raft-raw.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const MIB = 1024 * 1024;

describe('raft transport', () => {
  const members: TestMember[] = [];
  const clients: RaftClient[] = [];

  async function member(...args: Parameters<typeof startMember>): Promise<TestMember> {
    const started = await startMember(...args);
    members.push(started);
    return started;
  }

  function client(to: readonly TestMember[], more = {}): RaftClient {
    const addresses = to.map((one) => one.address);
    const identity = { clusterName: CLUSTER, clientId: 'tool', secret: SECRET };
    const connected = connectRaftClient({ ...identity, addresses, ...more });
    clients.push(connected);
    return connected;
  }

  afterEach(async () => {
    for (const one of clients.splice(0)) one.close();
    await Promise.all(members.splice(0).map((one) => one.transport.stop()));
  });

  describe('messages', () => {
    it('arrive in order with their traces, between members that dialled each other at once', async () => {
      const three = [await member('m1'), await member('m2'), await member('m3')] as const;
      await introduce(three);
      const [m1, m2, m3] = three;
      for (let round = 1; round <= 500; round += 1) {
        m1.transport.send(heartbeat('m1', 'm2', round), round === 1 ? TRACE : null);
        m2.transport.send(heartbeat('m2', 'm1', round), null);
        m3.transport.send(append('m3', 'm1', round, Buffer.alloc(100, round)), null);
      }
      await until('all are there', () => m1.heard.messages.length === 1_000);
      await until('all are there', () => m2.heard.messages.length === 500);
      assert.deepEqual(
        m2.heard.messages.map(({ message }) => message),
        Array.from({ length: 500 }, (_, at) => heartbeat('m1', 'm2', at + 1)),
      );
      assert.deepEqual([m2.heard.messages[0]?.trace, m2.heard.messages[1]?.trace], [TRACE, null]);
      for (const one of three) {
        assert.deepEqual(one.heard.unreachable, []);
        assert.deepEqual(one.heard.refused, []);
        assert.deepEqual(one.heard.open, { members: 4, clients: 0, unauthenticated: 0 });
      }
    });

    it('reach a member that was not told of the sender, and its answers come back', async () => {
      const [m1, waiting] = [await member('m1'), await member('waiting')];
      m1.transport.connect(new Map([['waiting', waiting.address]]));
      await until('connected', () => m1.heard.open.members === 1);
      m1.transport.send(heartbeat('m1', 'waiting', 1), null);
      await until('it arrived', () => waiting.heard.messages.length === 1);
      waiting.transport.send(heartbeat('waiting', 'm1', 2), null);
      await until('the answer arrived', () => m1.heard.messages.length === 1);
    });

    it('are dropped and counted when nobody is connected, and when they are too large', async () => {
      const [m1, m2] = [await member('m1'), await member('m2')];
      m1.transport.send(heartbeat('m1', 'm2', 1), null);
      await introduce([m1, m2]);
      m1.transport.send(append('m1', 'm2', 1, Buffer.alloc(16 * MIB)), null);
      assert.deepEqual(m1.heard.dropped, [
        { cause: 'not_connected', kind: 'heartbeat' },
        { cause: 'oversized', kind: 'append' },
      ]);
    });

    it('of megabytes arrive whole', async () => {
      const [m1, m2] = [await member('m1'), await member('m2')];
      await introduce([m1, m2]);
      const payload = Buffer.alloc(8 * MIB, 'abc');
      m1.transport.send(append('m1', 'm2', 1, payload), null);
      await until('it arrived', () => m2.heard.messages.length === 1);
      const [{ message } = { message: null }] = m2.heard.messages;
      assert(message?.kind === 'append');
      assert.ok(payload.equals(message.entries[0]?.payload ?? Buffer.alloc(0)));
    });

    it('tell the API URL of the other', async () => {
      const [m1, m2] = [
        await member('m1'),
        await member('m2', { apiUrl: () => 'http://x.test:1' }),
      ];
      assert.equal(m1.transport.apiUrl('m2'), null);
      await introduce([m1, m2]);
      await until('it is known', () => m1.transport.apiUrl('m2') === 'http://x.test:1');
      assert.equal(m1.transport.apiUrl('m1'), 'http://m1.test:8080');
    });
  });

  describe('the format that a member reads', () => {
    it('is told both ways, is kept when it goes, and is what it said last', async () => {
      const m1 = await member('m1');
      const m2 = await startMember('m2', { formatMax: 2 });
      assert.deepEqual(
        [m1.transport.formatMax('m1'), m1.transport.formatMax('m2')],
        [FORMAT_MAX, null],
      );
      await introduce([m1, m2]);
      assert.deepEqual(
        [m1.transport.formatMax('m2'), m2.transport.formatMax('m1')],
        [2, FORMAT_MAX],
      );
      await m2.transport.stop();
      await until('the break is noticed', () => m1.heard.open.members === 0);
      assert.equal(m1.transport.formatMax('m2'), 2);
      const upgraded = await member('m2', { listen: { host: '127.0.0.1', port: m2.port } });
      await introduce([m1, upgraded]);
      assert.equal(m1.transport.formatMax('m2'), FORMAT_MAX);
    });

    it('is known of a member that only dials, and is no business of clients', async () => {
      const m1 = await member('m1');
      const m2 = await member('m2', { formatMax: FORMAT_MAX + 1 });
      m2.transport.connect(new Map([['m1', m1.address]]));
      await until('it has dialled', () => m1.heard.open.members === 1);
      assert.equal(m1.transport.formatMax('m2'), FORMAT_MAX + 1);
      await connectRaw(m1.port, rawParty('m3', { role: 'client' }), 'm1');
      await until('the client is there', () => m1.heard.open.clients === 1);
      assert.equal(m1.transport.formatMax('m3'), null);
    });
  });

  describe('connections', () => {
    it('to a member that is killed and comes back work at once, however slow dialling has become', async () => {
      // Longer than a test may wait: what comes back has to make itself known.
      const limits = { retryMinMs: 60_000, retryMaxMs: 60_000 };
      const m1 = await member('m1', { limits });
      let m2 = await startMember('m2');
      const { port } = m2;
      await introduce([m1, m2]);
      for (let round = 1; round <= 3; round += 1) {
        const breaks = m1.heard.unreachable.length;
        await m2.transport.stop();
        await until('the break is noticed', () => m1.heard.unreachable.length > breaks);
        m2 = await startMember('m2', { listen: { host: '127.0.0.1', port } });
        m2.transport.connect(new Map([['m1', m1.address]]));
        await until('reachable again', () => {
          m1.transport.send(heartbeat('m1', 'm2', round), null);
          return m2.heard.messages.length > 0;
        });
      }
      members.push(m2);
    });

    it('of a member that came back replace those that it had', async () => {
      const m1 = await member('m1');
      const first = await connectRaw(m1.port, rawParty('m2'), 'm1');
      const second = await connectRaw(m1.port, rawParty('m2'), 'm1');
      await closed(first.socket);
      assert.deepEqual(m1.heard.unreachable, ['m2']);
      second.socket.write(
        second.seal({ kind: 'message', message: heartbeat('m2', 'm1', 1), trace: null }),
      );
      await until('the new one is heard', () => m1.heard.messages.length === 1);
      assert.equal(m1.heard.open.members, 1);
      second.socket.destroy();
    });

    it('that went silent are given up, hold little meanwhile, and are made anew', async () => {
      const limits = { keepaliveMs: 50, queueBytesMax: 4 * MIB, connectTimeoutMs: 200 };
      const [m1, m2] = [await member('m1', { limits }), await member('m2', { limits })];
      const proxy = await startProxy(m2.port);
      m1.transport.connect(new Map([['m2', proxy.address]]));
      await until('connected', () => m1.heard.open.members === 1);
      proxy.freeze();
      const payload = Buffer.alloc(MIB);
      for (let index = 1; index <= 64; index += 1) {
        m1.transport.send(append('m1', 'm2', index, payload), null);
      }
      // Its queue and the socket are full by now: an append is dropped, a heartbeat still has room.
      assert.ok(m1.heard.dropped.length >= 64 - 8, `${m1.heard.dropped.length} dropped`);
      assert.ok(m1.heard.dropped.every(({ cause }) => cause === 'queue_full'));
      const before = m1.heard.dropped.length;
      m1.transport.send(heartbeat('m1', 'm2', 1), null);
      assert.equal(m1.heard.dropped.length, before);
      await until('it is given up', () => m1.heard.unreachable.length === 1, 2_000);
      proxy.thaw();
      m2.heard.messages.length = 0;
      await until('made anew', () => {
        m1.transport.send(heartbeat('m1', 'm2', 2), null);
        return m2.heard.messages.some(({ message }) => 'round' in message && message.round === 2);
      });
      await proxy.stop();
    });

    it('to an address that hangs are given up, and dialled again', async () => {
      const limits = { handshakeTimeoutMs: 50 };
      const m1 = await member('m1', { limits });
      const hole = net.createServer((socket) => void socket.resume());
      await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
      const bound = hole.address();
      assert(typeof bound === 'object' && bound !== null);
      m1.transport.connect(new Map([['m2', `127.0.0.1:${bound.port}`]]));
      await until('given up twice', () => m1.heard.dialFailures.length >= 2);
      assert.equal(m1.heard.dialFailures[0]?.cause, 'unreachable');
      m1.transport.connect(new Map());
      await new Promise((resolve) => hole.close(resolve));
    });

    it('are let go when a member is no longer named, and made to its new address', async () => {
      const [m1, before, after] = [await member('m1'), await member('m2'), await member('m2')];
      m1.transport.connect(new Map([['m2', before.address]]));
      await until('connected', () => before.heard.open.members === 1);
      m1.transport.connect(new Map([['m2', after.address]]));
      // The accepting end has its connection before the dialling end does.
      const open = () => [before, after, m1].map(({ heard }) => heard.open.members).join(' ');
      await until('moved', () => open() === '0 1 1');
    });

    it('are made between versions of a rolling upgrade, and not across a gap', async () => {
      const [older, newer, newest] = [
        await member('m1', { versions: { min: 1, max: 1 } }),
        await member('m2', { versions: { min: 1, max: 2 } }),
        await member('m3', { versions: { min: 2, max: 3 } }),
      ];
      await introduce([older, newer]);
      newest.transport.connect(new Map([['m1', older.address]]));
      await until('refused', () => older.heard.refused.includes('version'));
      await until('told', () =>
        newest.heard.dialFailures.some(({ cause }) => cause === 'refused_by_peer'),
      );
      newest.transport.connect(new Map([['m2', newer.address]]));
      await until('connected', () => newest.heard.open.members === 1);
    });
  });

  describe('requests', () => {
    it('of a member and of a client are answered, many at a time', async () => {
      const [m1, m2] = [await member('m1'), await member('m2')];
      await introduce([m1, m2]);
      const outside = client([m2]);
      const askers = [
        (payload: Buffer) => m1.transport.request('m2', payload, signalWithin()),
        (payload: Buffer) => outside.request(payload, signalWithin()),
      ];
      for (const ask of askers) {
        const texts = Array.from({ length: 1_000 }, (_, at) => `request ${at}`);
        const answers = await Promise.all(texts.map((text) => ask(Buffer.from(text))));
        assert.deepEqual(
          answers.map((answer) => Buffer.from(answer).toString()),
          texts,
        );
      }
      assert.equal(outside.memberId, 'm2');
    });

    it('carry the trace of the asker', async () => {
      const traces: unknown[] = [];
      const m1 = await member('m1', {}, (payload, trace) => {
        traces.push(trace);
        return Promise.resolve(payload);
      });
      await client([m1]).request(Buffer.alloc(1), signalWithin(), TRACE);
      assert.deepEqual(traces, [TRACE]);
    });

    it('fail as TransportError: refused, aborted, not connected, too large, connection lost', async () => {
      let isAborted = false;
      const answering: OnRequest = (payload, _trace, signal) => {
        if (payload.length === 0) return Promise.reject(new Error('not today'));
        return new Promise(() => signal.addEventListener('abort', () => (isAborted = true)));
      };
      const [m1, m2] = [await member('m1'), await startMember('m2', {}, answering)];
      await introduce([m1, m2]);
      const ask = (bytes: number, signal = signalWithin(), to = 'm2'): Promise<Uint8Array> =>
        m1.transport.request(to, Buffer.alloc(bytes), signal);
      const refusedWith = (text: RegExp) => (error: unknown) =>
        error instanceof TransportError && text.test(error.message);
      await assert.rejects(ask(0), refusedWith(/^not today$/));
      await assert.rejects(ask(1, signalWithin(20)), refusedWith(/aborted/));
      await assert.rejects(ask(1, signalWithin(), 'm9'), refusedWith(/m9 is not connected/));
      await assert.rejects(ask(16 * MIB), refusedWith(/larger/));
      const pending = ask(1);
      const lost = assert.rejects(pending, refusedWith(/lost/));
      // Answered by nothing: it has arrived once a later one was refused.
      await assert.rejects(ask(0), TransportError);
      await m2.transport.stop();
      await lost;
      assert.ok(isAborted);
    });

    it('beyond the bound are refused as overloaded, on the side that asks and on the one that answers', async () => {
      const never: OnRequest = () => new Promise(() => undefined);
      const m1 = await member('m1', { limits: { requestsMax: 8 } }, never);
      const abort = new AbortController();
      const asking = (limits: object): Promise<string[]> => {
        const outside = client([m1], { limits });
        const failures: string[] = [];
        for (let at = 0; at < 20; at += 1) {
          outside.request(Buffer.alloc(1), abort.signal).catch((error: unknown) => {
            failures.push(String(error));
          });
        }
        return until('refused', () => failures.length === 12).then(() => failures.slice());
      };
      for (const limits of [{ requestsMax: 8 }, {}]) {
        const failures = await asking(limits);
        assert.ok(failures.every((failure) => failure.includes('overloaded')));
      }
      abort.abort();
    });

    it('wait for the first connection of a client, which goes on to the next address', async () => {
      const gone = await startMember('m1');
      await gone.transport.stop();
      const m2 = await member('m2');
      const outside = client([gone, m2]);
      const answer = await outside.request(Buffer.from('x'), signalWithin());
      assert.equal(Buffer.from(answer).toString(), 'x');
      outside.close();
      await assert.rejects(outside.request(Buffer.alloc(1), signalWithin()), TransportError);
      await assert.rejects(
        client([gone]).request(Buffer.alloc(1), signalWithin(50)),
        /TransportError: the request was aborted/,
      );
    });

    it('of a client that takes no answers are not read any more', async () => {
      let served = 0;
      const big: OnRequest = () => {
        served += 1;
        return Promise.resolve(Buffer.alloc(256 * 1024));
      };
      const m1 = await member('m1', {}, big);
      const raw = await connectRaw(m1.port, rawParty('tool', { role: 'client' }), 'm1');
      raw.socket.pause();
      let last = 0;
      for (let id = 1; id <= 600; id += 1) {
        raw.socket.write(
          raw.seal({ kind: 'request', id, payload: Buffer.alloc(4_096), trace: null }),
        );
      }
      // Settled: over 20 looks in a row nothing more was taken on.
      let calm = 0;
      await until('it reads no more', () => {
        calm = served === last && served > 0 ? calm + 1 : 0;
        last = served;
        return calm > 20;
      });
      assert.ok(served < 200, `${served} served`);
      raw.socket.resume();
      await until('it goes on', () => served === 600, 20_000);
      raw.socket.destroy();
    });

    it('are all that a client may send: a Raft message closes its connection', async () => {
      const m1 = await member('m1');
      const raw = await connectRaw(m1.port, rawParty('m2', { role: 'client' }), 'm1');
      const message = heartbeat('m2', 'm1', 1);
      raw.socket.write(raw.seal({ kind: 'message', message, trace: null }));
      await closed(raw.socket);
      assert.deepEqual(m1.heard.refused, ['forbidden']);
      assert.deepEqual(m1.heard.messages, []);
    });
  });

  it('stops at once with requests under way, and frees its port', async () => {
    const m1 = await startMember('m1', {}, () => new Promise(() => undefined));
    const outside = client([m1]);
    const pending = assert.rejects(
      outside.request(Buffer.alloc(1), signalWithin()),
      TransportError,
    );
    await until('connected', () => m1.heard.open.clients === 1);
    await m1.transport.stop();
    await pending;
    assert.deepEqual(m1.heard.open, { members: 0, clients: 0, unauthenticated: 0 });
    await member('m1', { listen: { host: '127.0.0.1', port: m1.port } }, echo);
  });

  it('says that an address is taken', async () => {
    const m1 = await member('m1');
    await assert.rejects(
      startMember('m2', { listen: { host: '127.0.0.1', port: m1.port } }),
      /EADDRINUSE/,
    );
  });
});
