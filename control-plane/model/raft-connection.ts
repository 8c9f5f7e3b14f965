/**
 * What goes wrong on connections of the Raft port, in closed sets: a word is the log field and the metric
 * label. Nothing here decides which applies, and nothing that a stranger sent is among them.
 */

/** Why a connection was refused, or closed for what came over it. */
export const REFUSAL_CAUSES = [
  /** Not the protocol, or not what it allows here. */
  'malformed',
  /** A length above the limit. */
  'oversized',
  /** The handshake took longer than its deadline. */
  'timed_out',
  /** It went away before it had proven itself. */
  'closed_early',
  /** No version that both speak. */
  'version',
  /** Another cluster's name, or the digest of another bootstrap configuration. */
  'foreign_cluster',
  /** It says to be this member itself, or expects another one at this address. */
  'wrong_member',
  /** TLS failed: no certificate, one of another authority, or no TLS at all. */
  'tls',
  /** The certificate does not hold the id that was said. */
  'certificate',
  /** The secret is another one, or the handshake was heard before. */
  'proof',
  /** A record whose authentication code is wrong. */
  'mac',
  /** A record that was repeated, left out or moved. */
  'sequence',
  /** A frame that its role may not send. */
  'forbidden',
  /** A message from, or to, another member than those at the ends of the connection. */
  'misaddressed',
  /** More unauthenticated connections than the bound: the oldest one goes. */
  'too_many_unauthenticated',
  /** More authenticated connections than the bound. */
  'too_many',
] as const;
export type RefusalCause = (typeof REFUSAL_CAUSES)[number];

/** Why this member's own attempt to reach another failed. */
export const DIAL_FAILURES = [
  ...REFUSAL_CAUSES,
  /** No route, nobody listens, or no answer within the deadline. */
  'unreachable',
  /** The other side refused, and said why. */
  'refused_by_peer',
] as const;
export type DialFailure = (typeof DIAL_FAILURES)[number];

/** Why a message, or an answer, was not sent. */
export const DROP_CAUSES = [
  'not_connected',
  'queue_full',
  /** Larger than a frame may be. */
  'oversized',
  /** It waited for a connection that broke. */
  'connection_lost',
] as const;
export type DropCause = (typeof DROP_CAUSES)[number];
