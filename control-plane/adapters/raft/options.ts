/** What a transport, or a client of one, is given; checked before anything is opened. */

import type { TransportHooks } from './counting.ts';
import { isMemberId } from './codec.ts';
import { PROTOCOL_VERSIONS } from './handshake.ts';
import type { Party, Role, VersionRange } from './handshake.ts';
import type { TransportLimits } from './limits.ts';
import type { RaftTls } from './tls.ts';

/** Shorter secrets could be guessed from a recorded handshake. */
export const SECRET_BYTES_MIN = 16;

export interface ClusterIdentity {
  /** 1 to 63 bytes of UTF-8; the same for all members. */
  readonly clusterName: string;
  /** At least SECRET_BYTES_MIN bytes; null: TLS alone authenticates. */
  readonly secret: Buffer | null;
  /** Null: TCP, authenticated by the secret and not encrypted. With both, both must be right. */
  readonly tls: RaftTls | null;
}

export interface RaftTransportOptions extends ClusterIdentity {
  readonly memberId: string;
  /** Of the bootstrap configuration; two that are known and differ are two clusters. */
  readonly clusterDigest: string | null;
  /** Port 0: any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The newest format of the log that this program reads, told to the others when they connect; 1 to 255. */
  readonly formatMax: number;
  /** Of this member's API, told to the others when they connect; at most 1,024 bytes. */
  readonly apiUrl: string | (() => string);
  readonly limits?: Partial<TransportLimits>;
  readonly hooks?: Partial<TransportHooks>;
  /** Protocol versions to offer, where not all that this program speaks. */
  readonly versions?: VersionRange;
}

/** @throws Error that names every setting that is missing or wrong. */
export function partyOf(
  cluster: ClusterIdentity,
  id: string,
  role: Role,
  more: Pick<Party, 'clusterDigest' | 'formatMax'> & {
    readonly versions?: VersionRange | undefined;
  },
): Party {
  const problems: string[] = [];
  if (cluster.secret === null && cluster.tls === null) {
    problems.push('either `secret` (a cluster secret) or `tls` (ca, cert and key) must be given');
  }
  if (cluster.secret !== null && cluster.secret.length < SECRET_BYTES_MIN) {
    problems.push(`\`secret\` has fewer than ${SECRET_BYTES_MIN} bytes`);
  }
  const nameBytes = Buffer.byteLength(cluster.clusterName, 'utf8');
  if (nameBytes < 1 || nameBytes > 63) problems.push('`clusterName` is not of 1 to 63 bytes');
  if (!isMemberId(id)) problems.push(`\`${role}Id\` is not 1 to 63 characters of [a-z0-9-]`);
  if (problems.length > 0) throw new Error(`the Raft transport: ${problems.join('; ')}`);
  const { clusterName, secret } = cluster;
  const { clusterDigest, formatMax, versions = PROTOCOL_VERSIONS } = more;
  return { id, role, clusterName, clusterDigest, secret, versions, formatMax };
}
