import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { openGate } from '../../../../../control-plane/adapters/postgres/pglite-gate.ts';
import type {
  PgliteGate,
  SessionDatabase,
} from '../../../../../control-plane/adapters/postgres/pglite-gate.ts';
import {
  FrameReader,
  queryFrame,
  statusAfter,
} from '../../../../../control-plane/adapters/postgres/wire-frames.ts';
import { pollUntil } from '../../../../support/process.ts';

function message(type: string, body = ''): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(4 + bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function opening(code: number, body = ''): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + bytes.length, 0);
  head.writeInt32BE(code, 4);
  return Buffer.concat([head, bytes]);
}

const STARTUP = opening(196_608, 'user\0x\0\0');
const ready = (status: string): Buffer => message('Z', status);

/** A session that answers with its status; `begin` and `commit` in what it is sent change it. */
class FakeSession implements SessionDatabase {
  readonly executed: string[] = [];
  status = 'I';
  fails = false;

  async execProtocolRawStream(
    request: Uint8Array,
    { onRawData }: { readonly onRawData: (data: Uint8Array) => void },
  ): Promise<void> {
    const text = Buffer.from(request).toString('latin1');
    this.executed.push(/[a-z]+[0-9]*/.exec(text.slice(5))?.[0] ?? text.slice(0, 1));
    await new Promise((resolve) => setImmediate(resolve));
    if (this.fails) throw new Error('unreachable executed');
    if (text.includes('begin')) this.status = 'T';
    if (text.includes('commit') || text.includes('rollback')) this.status = 'I';
    if (text.includes('copy')) {
      onRawData(message('G'));
      return;
    }
    if (text.startsWith('d')) return;
    // In two pieces, neither of which is a frame.
    const answer = Buffer.concat([message('C', text.slice(5)), ready(this.status)]);
    onRawData(answer.subarray(0, 3));
    onRawData(answer.subarray(3));
  }
}

describe('the gate of PGlite', () => {
  let directory = '';
  let session: FakeSession;
  let gate: PgliteGate;
  const clients: Client[] = [];
  const broken: unknown[] = [];

  interface Client {
    readonly socket: Socket;
    received: string;
    closed: boolean;
  }

  async function open(options = {}): Promise<void> {
    session = new FakeSession();
    broken.length = 0;
    gate = await openGate(session, {
      path: join(directory, 'socket'),
      onBroken: (cause) => broken.push(cause),
      ...options,
    });
  }
  async function client(first: Buffer = STARTUP): Promise<Client> {
    const socket = connect(join(directory, 'socket'));
    const one: Client = { socket, received: '', closed: false };
    clients.push(one);
    socket.on('error', () => undefined);
    socket.on('close', () => (one.closed = true));
    socket.on('data', (bytes: Buffer) => (one.received += bytes.toString('latin1')));
    socket.write(first);
    if (first === STARTUP) await until('it is greeted', () => one.received.endsWith('I'));
    return one;
  }
  const until = (what: string, condition: () => boolean) => pollUntil(what, 3000, condition);
  /** Without the greetings. */
  const queries = () => session.executed.filter((text) => text !== 'ser' && text !== 'user');

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gate-'));
  });
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await gate.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('lets nobody between the statements of a transaction', async () => {
    await open();
    const [one, two] = [await client(), await client()];
    one.socket.write(queryFrame('begin'));
    await until('it has begun', () => queries().includes('begin'));
    two.socket.write(queryFrame('two'));
    one.socket.write(queryFrame('one'));
    await until('one is answered', () => one.received.includes('one'));
    assert.ok(!queries().includes('two'));
    one.socket.write(queryFrame('commit'));
    await until('two is answered', () => two.received.includes('two'));
    assert.deepEqual(queries(), ['begin', 'one', 'commit', 'two']);
  });

  it('keeps a statement and its values together, in whatever pieces they arrive', async () => {
    await open();
    const [one, two] = [await client(), await client()];
    one.socket.write(message('P', 'parse1'));
    one.socket.write(message('B', 'bind1'));
    two.socket.write(queryFrame('two'));
    await until('two goes first, since one has not said all', () => two.received.includes('two'));
    one.socket.write(Buffer.concat([message('E', 'x'), message('S')]));
    await until('one is answered', () => one.received.includes('parse1'));
    assert.deepEqual(queries(), ['two', 'parse1']);
  });

  it('rolls back what a connection leaves open, and goes on with the next', async () => {
    await open();
    const [one, two] = [await client(), await client()];
    one.socket.write(queryFrame('begin'));
    await until('it has begun', () => queries().includes('begin'));
    two.socket.write(queryFrame('two'));
    one.socket.destroy();
    await until('two is answered', () => two.received.includes('two'));
    assert.deepEqual(queries(), ['begin', 'rollback', 'two']);
  });

  it('takes the session from who holds a transaction and says nothing', async () => {
    await open({ transactionIdleMs: 50 });
    const [one, two] = [await client(), await client()];
    one.socket.write(queryFrame('begin'));
    await until('it has begun', () => queries().includes('begin'));
    two.socket.write(queryFrame('two'));
    await until('two is answered', () => two.received.includes('two'));
    await until('one is closed', () => one.closed);
    assert.match(one.received, /25P03.*idle for 50 ms/);
    assert.deepEqual(queries(), ['begin', 'rollback', 'two']);
  });

  it('lets a COPY go on as it comes', async () => {
    await open();
    const [one, two] = [await client(), await client()];
    one.socket.write(queryFrame('copy'));
    await until('it copies', () => queries().includes('copy'));
    two.socket.write(queryFrame('two'));
    one.socket.write(message('d', 'data1'));
    await until('a row is taken', () => queries().includes('data1'));
    assert.ok(!queries().includes('two'));
    one.socket.write(message('c', 'done'));
    await until('two is answered', () => two.received.includes('two'));
  });

  it('has no encryption, nothing to cancel, and says good-bye', async () => {
    await open();
    const one = await client(opening(80_877_103));
    await until('it says no', () => one.received === 'N');
    one.socket.write(STARTUP);
    await until('it is greeted', () => one.received.endsWith('I'));
    one.socket.write(message('X'));
    await until('it is closed', () => one.closed);
    const two = await client(opening(80_877_102, '12345678'));
    await until('a cancel is closed', () => two.closed);
    assert.equal(queries().length, 0);
  });

  it('dismisses what is no frame, or too long, and goes on for the others', async () => {
    await open({ bytesMax: 100 });
    const fine = await client();
    for (const wrong of [
      opening(1),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.concat([STARTUP, message('Q', 'x'.repeat(101))]),
      Buffer.concat([STARTUP, message('P', 'x'.repeat(60)), message('B', 'x'.repeat(60))]),
    ]) {
      const one = await client(wrong);
      await until('it is closed', () => one.closed);
      assert.match(one.received, /08P01/);
    }
    fine.socket.write(queryFrame('fine'));
    await until('others are answered', () => fine.received.includes('fine'));
  });

  it('says when the session itself has failed', async () => {
    await open();
    const one = await client();
    session.fails = true;
    one.socket.write(queryFrame('one'));
    await until('it is told', () => broken.length === 1);
    await until('nobody is left waiting', () => one.closed);
  });

  it('gives each client its own answers, in order, however many ask at once', async () => {
    await open();
    const many = await Promise.all(Array.from({ length: 8 }, () => client()));
    for (const [nth, { socket }] of many.entries()) {
      for (let count = 0; count < 40; count += 1) socket.write(queryFrame(`q${nth}x${count}`));
    }
    for (const [nth, one] of many.entries()) {
      await until('all answers', () => one.received.includes(`q${nth}x39`));
      const answers = [...one.received.matchAll(/q\d+x\d+/g)].map(([text]) => text);
      assert.deepEqual(
        answers,
        Array.from({ length: 40 }, (_, count) => `q${nth}x${count}`),
      );
    }
  });
});

describe('the frames of Postgres’s protocol', () => {
  it('come out as they went in, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('Q', 'P', 'd'), fc.string({ maxLength: 40 })), {
          maxLength: 8,
        }),
        fc.array(fc.nat({ max: 30 }), { minLength: 1 }),
        (messages, cuts) => {
          const sent = [STARTUP, ...messages.map(([type, body]) => message(type, body))];
          const reader = new FrameReader(1000);
          const got: string[] = [];
          let rest = Buffer.concat(sent);
          for (let turn = 0; rest.length > 0; turn += 1) {
            const cut = (cuts[turn % cuts.length] ?? 0) + 1;
            reader.push(rest.subarray(0, cut));
            rest = rest.subarray(cut);
            for (let frame = reader.next(); frame !== null; frame = reader.next()) {
              got.push(frame.bytes.toString('hex'));
            }
          }
          assert.deepEqual(
            got,
            sent.map((bytes) => bytes.toString('hex')),
          );
        },
      ),
    );
  });

  it('say the status of the session by the last answer, and not by what looks like one in a row', () => {
    const row = message('D', ready('T').toString('latin1'));
    assert.equal(statusAfter(Buffer.concat([ready('T'), row, ready('I')])), 'I');
    assert.equal(statusAfter(row), null);
    assert.equal(statusAfter(Buffer.concat([ready('E')])), 'E');
    assert.equal(statusAfter(Buffer.alloc(0)), null);
  });
});
