/**
 * The handshake of a connection, without the connection: bytes in, bytes out. Four messages:
 *
 *   dialer → acceptor  hello   versions, role, cluster, ids, digest, 32 random bytes
 *   acceptor → dialer  hello   the same of the other side
 *   dialer → acceptor  proof   HMAC-SHA256(secret, "dialer proof" + SHA-256 of both hellos)
 *   acceptor → dialer  proof   HMAC-SHA256(secret, "acceptor proof" + the same)
 *
 * Each proof covers everything that both sides said, the random bytes of this very connection and who
 * of them speaks, so none can be used again, sent back or moved; the dialer goes first, so that a
 * stranger gets nothing computed from the secret. The keys of the two directions come from the secret
 * and both hellos (HKDF, RFC 5869). Whoever reads along reads everything, now and later: a secret
 * authenticates and does not encrypt, and without enough entropy it can be guessed from a recorded
 * proof. With TLS both hellos are bound to its channel (RFC 5705), and without a secret beside it the
 * proofs are empty.
 *
 * A message is "OMRF", u8 type, u16 length, body; at most HANDSHAKE_BYTES_MAX in all. The hello keeps its form
 * in all versions of the protocol; what a newer version adds stands behind it, and is covered: so far the
 * newest format of the log that a member reads (u8), which members of before do not say and do not look at.
 */

import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

import type { RefusalCause } from '../../model/raft-connection.ts';
import { ByteReader, ByteWriter, DecodeError } from './bytes.ts';
import { isMemberId } from './codec.ts';

/** Of one message of the handshake, and so of what is kept for a stranger. */
export const HANDSHAKE_BYTES_MAX = 512;
export const NONCE_BYTES = 32;

export type Role = 'member' | 'client';

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** This program's; a range, so that members are upgraded one by one. */
export const PROTOCOL_VERSIONS: VersionRange = { min: 1, max: 1 };

/** What a member reads whose hello does not say it: the newest format of any program that did not. */
export const FORMAT_MAX_UNTOLD = 2;

/** One side, as it presents itself. */
export interface Party {
  readonly id: string;
  readonly role: Role;
  readonly clusterName: string;
  /** Of the bootstrap configuration; null when there is none. */
  readonly clusterDigest: string | null;
  readonly secret: Buffer | null;
  readonly versions: VersionRange;
  /** The newest format of the log that it reads, 0 to 255; null: it does not say, as clients do not. */
  readonly formatMax: number | null;
}

/** What carries the handshake. */
export interface Channel {
  /** Of the TLS session; null without TLS. */
  readonly binding: Buffer | null;
  /** Whether the certificate at the other end is that of this id; true without TLS. */
  holds(id: string): boolean;
}

export interface Session {
  readonly peerId: string;
  readonly peerRole: Role;
  readonly version: number;
  /** The newest format of the log that the peer reads. */
  readonly peerFormatMax: number;
  /** Null when TLS authenticates what is carried. */
  readonly keys: { readonly send: Buffer; readonly receive: Buffer } | null;
}

/** `refused_by_peer`: it was the other side that refused. */
type HandshakeRefusal = RefusalCause | 'refused_by_peer';

export type HandshakeStep =
  | { readonly kind: 'more'; readonly reply: Buffer | null }
  | {
      readonly kind: 'done';
      readonly session: Session;
      readonly reply: Buffer | null;
      /** What arrived behind the handshake. */
      readonly rest: Buffer;
    }
  | {
      readonly kind: 'refused';
      readonly cause: HandshakeRefusal;
      readonly detail: string;
      readonly reply: Buffer | null;
    };

const MAGIC = Buffer.from('OMRF', 'latin1');
const HEAD_BYTES = 7;
const TYPES = { hello: 1, proof: 2, refusal: 3 } as const;
const PROOF_BYTES = 32;
const ROLE_CODES: Readonly<Record<Role, number>> = { member: 1, client: 2 };
/** By their place: what the other side is told, if it speaks the protocol at all. */
const TOLD_CAUSES = ['version', 'foreign_cluster', 'wrong_member', 'certificate', 'proof'] as const;
const HAS_DIGEST = 1;
const WANTS_PROOF = 2;

interface Hello {
  readonly raw: Buffer;
  readonly versions: VersionRange;
  readonly role: Role;
  readonly digest: Buffer | null;
  readonly wantsProof: boolean;
  readonly clusterName: string;
  readonly id: string;
  /** Whom it expects at the other end; empty: anybody. */
  readonly expects: string;
  readonly formatMax: number;
}

/** Refused, and why: the cause goes to the other side, the detail does not. */
class Refused extends Error {
  readonly reason: HandshakeRefusal;

  constructor(reason: HandshakeRefusal, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

export class DialerHandshake {
  readonly #self: Party;
  readonly #channel: Channel;
  readonly #expects: string;
  readonly #input = new HandshakeInput();
  readonly #hello: Buffer;
  #agreed: Agreed | null = null;

  /** `expects` is the id that must answer; empty when any member will do. */
  constructor(self: Party, channel: Channel, expects: string, nonce: Buffer) {
    this.#self = self;
    this.#channel = channel;
    this.#expects = expects;
    this.#hello = helloMessage(self, expects, nonce);
  }

  /** What is to be sent first. */
  get hello(): Buffer {
    return this.#hello;
  }

  receive(chunk: Buffer): HandshakeStep {
    return this.#input.receive(chunk, (message) => {
      if (this.#agreed === null) return this.#onHello(message);
      checkProof(this.#self, this.#agreed, 'acceptor', message);
      return this.#agreed.done('dialer', null, this.#input.rest());
    });
  }

  #onHello(message: HandshakeMessage): HandshakeStep {
    const hello = readHello(message);
    const version = checkHello(this.#self, this.#channel, hello);
    if (hello.role !== 'member' || (this.#expects !== '' && hello.id !== this.#expects)) {
      throw new Refused('wrong_member', 'another member answered at this address');
    }
    const { binding } = this.#channel;
    this.#agreed = new Agreed(this.#self, hello, version, [this.#hello, hello.raw, binding]);
    return { kind: 'more', reply: this.#agreed.proofMessage('dialer') };
  }
}

export class AcceptorHandshake {
  readonly #self: Party;
  readonly #channel: Channel;
  readonly #nonce: Buffer;
  readonly #input = new HandshakeInput();
  #agreed: Agreed | null = null;

  constructor(self: Party, channel: Channel, nonce: Buffer) {
    this.#self = self;
    this.#channel = channel;
    this.#nonce = nonce;
  }

  receive(chunk: Buffer): HandshakeStep {
    return this.#input.receive(chunk, (message) => {
      if (this.#agreed === null) return this.#onHello(message);
      checkProof(this.#self, this.#agreed, 'dialer', message);
      const reply = this.#agreed.proofMessage('acceptor');
      return this.#agreed.done('acceptor', reply, this.#input.rest());
    });
  }

  #onHello(message: HandshakeMessage): HandshakeStep {
    const hello = readHello(message);
    const version = checkHello(this.#self, this.#channel, hello);
    if (hello.expects !== this.#self.id && (hello.role === 'member' || hello.expects !== '')) {
      throw new Refused('wrong_member', 'it expects another member at this address');
    }
    const reply = helloMessage(this.#self, hello.id, this.#nonce);
    const { binding } = this.#channel;
    this.#agreed = new Agreed(this.#self, hello, version, [hello.raw, reply, binding]);
    return { kind: 'more', reply };
  }
}

/** What both sides know once the hellos are exchanged. */
class Agreed {
  readonly #secret: Buffer | null;
  readonly #peer: Hello;
  readonly #version: number;
  readonly #transcript: Buffer;
  readonly #isBound: boolean;

  constructor(
    self: Party,
    peer: Hello,
    version: number,
    said: readonly [Buffer, Buffer, Buffer | null],
  ) {
    const [first, second, binding] = said;
    const hash = createHash('sha256').update(first).update(second);
    this.#secret = self.secret;
    this.#peer = peer;
    this.#version = version;
    this.#isBound = binding !== null;
    this.#transcript = hash.update(binding ?? '').digest();
  }

  proof(side: 'dialer' | 'acceptor'): Buffer {
    if (this.#secret === null) return Buffer.alloc(0);
    const hmac = createHmac('sha256', this.#secret).update(`omnimind raft ${side} proof\0`);
    return hmac.update(this.#transcript).digest();
  }

  proofMessage(side: 'dialer' | 'acceptor'): Buffer {
    return messageOf(TYPES.proof, this.proof(side));
  }

  done(own: 'dialer' | 'acceptor', reply: Buffer | null, rest: Buffer): HandshakeStep {
    const other = own === 'dialer' ? 'acceptor' : 'dialer';
    const keys =
      this.#secret === null || this.#isBound
        ? null
        : { send: this.#key(this.#secret, own), receive: this.#key(this.#secret, other) };
    const { id: peerId, role: peerRole, formatMax: peerFormatMax } = this.#peer;
    const version = this.#version;
    const session: Session = { peerId, peerRole, version, peerFormatMax, keys };
    return { kind: 'done', session, reply, rest };
  }

  #key(secret: Buffer, sender: 'dialer' | 'acceptor'): Buffer {
    const info = `omnimind raft records of the ${sender}`;
    return Buffer.from(hkdfSync('sha256', secret, this.#transcript, info, 32));
  }
}

interface HandshakeMessage {
  readonly type: number;
  readonly body: ByteReader;
  readonly raw: Buffer;
}

/** Collects what a stranger sends; refuses it at its first wrong byte. */
class HandshakeInput {
  #bytes: Buffer = Buffer.alloc(0);

  /** What follows from the chunk: `step` is asked once it completes a message. */
  receive(chunk: Buffer, step: (message: HandshakeMessage) => HandshakeStep): HandshakeStep {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    try {
      const message = this.#next();
      return message === null ? { kind: 'more', reply: null } : step(message);
    } catch (error) {
      if (error instanceof Refused) return refusalStep(error.reason, error.message);
      if (!(error instanceof DecodeError)) throw error;
      return { kind: 'refused', cause: 'malformed', detail: error.message, reply: null };
    }
  }

  /** What arrived behind the messages that were taken. */
  rest(): Buffer {
    return this.#bytes;
  }

  /** Null while it is incomplete. @throws Refused */
  #next(): HandshakeMessage | null {
    const bytes = this.#bytes;
    const known = Math.min(bytes.length, MAGIC.length);
    if (bytes.compare(MAGIC, 0, known, 0, known) !== 0) {
      throw new Refused('malformed', 'it does not speak the protocol');
    }
    if (bytes.length < HEAD_BYTES) return null;
    const end = HEAD_BYTES + bytes.readUInt16LE(5);
    if (end > HANDSHAKE_BYTES_MAX) throw new Refused('oversized', 'a handshake of such a length');
    if (bytes.length < end) return null;
    const raw = bytes.subarray(0, end);
    this.#bytes = bytes.subarray(end);
    return { type: raw.readUInt8(4), body: new ByteReader(raw, HEAD_BYTES), raw };
  }
}

/** The highest version that both speak. @throws Refused */
function checkHello(self: Party, channel: Channel, hello: Hello): number {
  const version = Math.min(self.versions.max, hello.versions.max);
  if (version < Math.max(self.versions.min, hello.versions.min)) {
    const { min, max } = hello.versions;
    throw new Refused('version', `it speaks versions ${min} to ${max} of the protocol`);
  }
  if (hello.clusterName !== self.clusterName) {
    throw new Refused('foreign_cluster', 'it is of a cluster of another name');
  }
  const digest = digestOf(self.clusterDigest);
  if (digest !== null && hello.digest !== null && !digest.equals(hello.digest)) {
    throw new Refused('foreign_cluster', 'its bootstrap configuration is another one');
  }
  if (!isMemberId(hello.id)) throw new Refused('malformed', 'its id is not one');
  if (hello.id === self.id && hello.role === self.role) {
    throw new Refused('wrong_member', 'it has the id of this member');
  }
  if (!channel.holds(hello.id)) {
    throw new Refused('certificate', 'its certificate is not that of its id');
  }
  if (hello.wantsProof !== (self.secret !== null)) {
    throw new Refused('proof', 'only one side has a secret');
  }
  return version;
}

function checkProof(
  self: Party,
  agreed: Agreed,
  side: 'dialer' | 'acceptor',
  message: HandshakeMessage,
): void {
  if (message.type === TYPES.refusal) throw refusedByPeer(message);
  if (message.type !== TYPES.proof) throw new Refused('malformed', 'a proof was due');
  const proof = message.body.view(self.secret === null ? 0 : PROOF_BYTES);
  message.body.finish();
  if (!timingSafeEqual(proof, agreed.proof(side))) {
    throw new Refused('proof', 'its secret is another one, or its proof is of another connection');
  }
}

function helloMessage(self: Party, expects: string, nonce: Buffer): Buffer {
  const digest = digestOf(self.clusterDigest);
  const clusterName = Buffer.from(self.clusterName, 'utf8').toString('latin1');
  const texts = [clusterName, self.id, expects];
  const lengths = texts.reduce((sum, text) => sum + 1 + text.length, 0);
  const added = self.formatMax === null ? 0 : 1;
  const writer = new ByteWriter(Buffer.alloc(4 + NONCE_BYTES + PROOF_BYTES + lengths + added));
  writer.u8(self.versions.min);
  writer.u8(self.versions.max);
  writer.u8(ROLE_CODES[self.role]);
  writer.u8((digest === null ? 0 : HAS_DIGEST) | (self.secret === null ? 0 : WANTS_PROOF));
  writer.put(nonce);
  writer.put(digest ?? Buffer.alloc(PROOF_BYTES));
  for (const text of texts) writer.shortText(text);
  if (self.formatMax !== null) writer.u8(self.formatMax);
  return messageOf(TYPES.hello, writer.bytes);
}

/** What stands behind all that is known here is of a newer version, and its own business. */
function readHello(message: HandshakeMessage): Hello {
  if (message.type === TYPES.refusal) throw refusedByPeer(message);
  if (message.type !== TYPES.hello) throw new Refused('malformed', 'a hello was due');
  const { body, raw } = message;
  const versions = { min: body.u8(), max: body.u8() };
  const role = roleOf(body.u8());
  const flags = body.u8();
  body.view(NONCE_BYTES);
  const digest = body.view(PROOF_BYTES);
  const clusterName = Buffer.from(body.shortText(), 'latin1').toString('utf8');
  const ids = { id: body.shortText(), expects: body.shortText() };
  const formatMax = body.left === 0 ? FORMAT_MAX_UNTOLD : body.u8();
  const wantsProof = (flags & WANTS_PROOF) !== 0;
  const known = (flags & HAS_DIGEST) !== 0 ? digest : null;
  return { raw, versions, role, digest: known, wantsProof, clusterName, ...ids, formatMax };
}

function roleOf(code: number): Role {
  if (code === ROLE_CODES.member) return 'member';
  if (code === ROLE_CODES.client) return 'client';
  throw new DecodeError('unknown role');
}

function digestOf(text: string | null): Buffer | null {
  return text === null ? null : createHash('sha256').update(text).digest();
}

function messageOf(type: number, body: Buffer): Buffer {
  const writer = new ByteWriter(Buffer.alloc(HEAD_BYTES + body.length));
  writer.put(MAGIC);
  writer.u8(type);
  writer.u16(body.length);
  writer.put(body);
  return writer.bytes;
}

/** Nobody has proven who says this: good for a log line and for nothing else. */
function refusedByPeer(message: HandshakeMessage): Refused {
  const cause = TOLD_CAUSES[message.body.u8()];
  return new Refused('refused_by_peer', `it refused: ${cause ?? 'for a reason unknown here'}`);
}

function refusalStep(cause: HandshakeRefusal, detail: string): HandshakeStep {
  const code = TOLD_CAUSES.findIndex((one) => one === cause);
  const reply = code < 0 ? null : messageOf(TYPES.refusal, Buffer.from([code]));
  return { kind: 'refused', cause, detail, reply };
}
