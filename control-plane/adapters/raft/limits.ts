/** Every bound of the transport, by name. */

export interface TransportLimits {
  /** Of one record (a batch of frames, or one large frame) between members, in bytes. */
  readonly memberFrameBytesMax: number;
  /** The same with a client, both ways. */
  readonly clientFrameBytesMax: number;
  /** Accepted connections that have not proven themselves; one more, and the oldest is dropped. */
  readonly unauthenticatedMax: number;
  readonly clientsMax: number;
  /** Members that may be connected, and whose API URLs are remembered. */
  readonly membersMax: number;
  /** From the accepted, or made, connection to the end of the handshake, TLS included, in ms. */
  readonly handshakeTimeoutMs: number;
  /** Of looking up and reaching an address, in ms. */
  readonly connectTimeoutMs: number;
  /** Frames, and their bytes, that wait for one connection; new ones beyond are dropped. */
  readonly queueFramesMax: number;
  readonly queueBytesMax: number;
  /** Bytes that are handed to the socket at once; what is urgent overtakes the rest. */
  readonly socketBytesMax: number;
  /** Requests in flight on one connection, each way, and their bytes; more are refused `overloaded`. */
  readonly requestsMax: number;
  readonly requestBytesMax: number;
  /** A silent connection is asked for a sign of life this often, in ms. */
  readonly keepaliveMs: number;
  /** Times in a row that it was asked in vain, after which it is closed. */
  readonly memberSilenceMax: number;
  readonly clientSilenceMax: number;
  /** Before dialling again; doubles from the one to the other, with a jitter, in ms. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

const MIB = 1024 * 1024;

export const TRANSPORT_LIMITS: TransportLimits = {
  memberFrameBytesMax: 16 * MIB,
  clientFrameBytesMax: MIB,
  unauthenticatedMax: 256,
  clientsMax: 1_024,
  membersMax: 64,
  handshakeTimeoutMs: 2_000,
  connectTimeoutMs: 1_000,
  queueFramesMax: 16_384,
  queueBytesMax: 16 * MIB,
  socketBytesMax: MIB,
  requestsMax: 4_096,
  requestBytesMax: 16 * MIB,
  keepaliveMs: 250,
  memberSilenceMax: 4,
  clientSilenceMax: 40,
  retryMinMs: 20,
  retryMaxMs: 500,
};
