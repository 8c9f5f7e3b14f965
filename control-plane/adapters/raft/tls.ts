/**
 * Mutual TLS 1.3: both sides show a certificate of the given authority, and it must be that of the id
 * they say to have: a DNS name of the subject alternative name equals the id, or, when it has none, the
 * common name does. The address that was dialled plays no part; it may change. A certificate needs
 * the extended key usages of both server and client, or none.
 */

import tls from 'node:tls';
import type {
  CommonConnectionOptions,
  SecureContextOptions,
  Server,
  TLSSocket,
  TlsOptions,
} from 'node:tls';

import type { Channel } from './handshake.ts';

export interface RaftTls {
  /** PEM of the authority that signs the members' certificates; no other is trusted. */
  readonly ca: string | Buffer;
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

const BINDING_LABEL = 'EXPORTER-omnimind-raft';
const BINDING_BYTES = 32;

export function createTlsServer(own: RaftTls, handshakeTimeoutMs: number): Server {
  const options: TlsOptions = {
    ...credentials(own),
    requestCert: true,
    handshakeTimeout: handshakeTimeoutMs,
  };
  return tls.createServer(options);
}

export function connectTls(own: RaftTls, host: string, port: number): TLSSocket {
  return tls.connect({
    ...credentials(own),
    host,
    port,
    // Whose certificate it is, is judged against the member's id in the handshake that follows.
    checkServerIdentity: () => undefined,
  });
}

export function tlsChannel(socket: TLSSocket): Channel {
  const certificate = socket.getPeerX509Certificate();
  return {
    binding: socket.exportKeyingMaterial(BINDING_BYTES, BINDING_LABEL, Buffer.alloc(0)),
    holds: (id) => certificate?.checkHost(id, { wildcards: false }) !== undefined,
  };
}

/** Of a connection without TLS: what it says is proven by the secret alone. */
export const PLAIN_CHANNEL: Channel = { binding: null, holds: () => true };

function credentials(own: RaftTls): SecureContextOptions & CommonConnectionOptions {
  const { ca, cert, key } = own;
  return { ca, cert, key, minVersion: 'TLSv1.3', rejectUnauthorized: true };
}
