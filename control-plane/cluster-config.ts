/**
 * How one member takes part in a cluster, as far as it is said by settings: who the first voters are,
 * where members reach each other, how they know each other, and how patient they are. It holds the
 * settings against each other; one setting's own text is read by config.ts.
 */

import type { HostPort, Secret } from './setting-values.ts';
import { formatHostPort, isUnspecified, parseReachable, parseUrl } from './setting-values.ts';

export interface FirstMember {
  readonly memberId: string;
  /** host:port of its Raft listener. */
  readonly address: string;
}

export interface ClusterConfig {
  readonly name: string;
  /** The first voters, by id; null: this member alone, or, with `join`, none yet. */
  readonly members: readonly FirstMember[] | null;
  /** Waits until the API of a running cluster adds it. */
  readonly join: boolean;
  /** What members tell each other and their clients; null only without a Raft listener. */
  readonly advertiseUrl: string | null;
}

export interface RaftConfig {
  /** Null: a cluster of one, which nobody can join. */
  readonly listen: HostPort | null;
  /** host:port that others reach it under; null only without a listener. */
  readonly advertise: string | null;
  readonly secret: Secret | null;
  /** All null, or none. */
  readonly tls: {
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
  };
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMinMs: number;
  readonly electionTimeoutMaxMs: number;
  readonly diskStallMs: number;
}

/** Shorter ones can be guessed by trying. */
export const CLUSTER_SECRET_BYTES_MIN = 16;

/** Heartbeats that may be lost in a row before the most impatient follower campaigns. */
const HEARTBEATS_PER_TIMEOUT = 3;
/** Between the shortest and the longest timeout, so that two members seldom campaign at once. */
const TIMEOUT_SPREAD = 1.3;
/** More voters make each commit slower and survive what nobody has; others can be learners. */
const VOTERS_MAX = 7;

/** `a=host:port,b=host:port`, by id. */
export function parseFirstMembers(text: string): readonly FirstMember[] {
  const members = text.split(',').map((entry): FirstMember => {
    const match = /^([a-z0-9-]{1,63})=(.+)$/.exec(entry.trim());
    if (match?.[1] === undefined || match[2] === undefined) {
      throw new Error(`expected id=host:port; got ${JSON.stringify(entry.trim())}`);
    }
    return { memberId: match[1], address: formatHostPort(parseReachable(match[2])) };
  });
  for (const field of ['memberId', 'address'] as const) {
    const seen = members.map((member) => member[field]);
    const twice = seen.find((value, index) => seen.indexOf(value) !== index);
    if (twice !== undefined) throw new Error(`names ${twice} twice`);
  }
  if (members.length > VOTERS_MAX) {
    throw new Error(`names ${members.length} voters; ${VOTERS_MAX} at most`);
  }
  if (members.length % 2 === 0) {
    const fewer = members.length - 1;
    throw new Error(
      `names ${members.length} voters, which survive no more failures than ${fewer}; name ${fewer} or ${fewer + 2}`,
    );
  }
  return members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
}

/** @throws Error for what is no URL, and for one that means nothing elsewhere */
export function parseReachableUrl(text: string): string {
  const { origin, hostname, pathname, search } = new URL(parseUrl(text));
  if (isUnspecified(hostname)) {
    throw new Error(`${hostname} means every address of this host, and none to others`);
  }
  if (pathname !== '/' || search !== '') throw new Error('expected a URL without a path');
  return origin;
}

export interface ClusterSettings {
  readonly memberId: string;
  readonly cluster: ClusterConfig;
  readonly raft: RaftConfig;
}

/** What is wrong between settings, one line each. Values of settings that are wrong themselves are not held against others. */
export function clusterProblems(
  settings: ClusterSettings,
  isWrong: (name: ClusterSettingName) => boolean,
): readonly string[] {
  return RULES.flatMap(({ reads, check }) => {
    if (reads.some(isWrong)) return [];
    const problem = check(settings);
    return problem === null ? [] : [problem];
  });
}

type ClusterSettingName =
  | `OMNIMIND_CLUSTER_${'MEMBERS' | 'JOIN' | 'SECRET_FILE'}`
  | `OMNIMIND_RAFT_${'LISTEN' | 'ADVERTISE' | 'HEARTBEAT' | 'ELECTION_MIN' | 'ELECTION_MAX'}`
  | 'OMNIMIND_MEMBER_ID'
  | 'OMNIMIND_ADVERTISE_URL'
  | 'OMNIMIND_LISTEN';

interface Rule {
  readonly reads: readonly ClusterSettingName[];
  /** The problem, which names its setting; null when there is none. */
  readonly check: (settings: ClusterSettings) => string | null;
}

const RULES: readonly Rule[] = [
  {
    reads: ['OMNIMIND_CLUSTER_MEMBERS', 'OMNIMIND_CLUSTER_JOIN'],
    check: ({ cluster }) =>
      cluster.join && cluster.members !== null
        ? 'OMNIMIND_CLUSTER_JOIN: is on, and OMNIMIND_CLUSTER_MEMBERS is given; a member is one of the first voters or waits to be added: remove one of the two'
        : null,
  },
  {
    reads: ['OMNIMIND_CLUSTER_MEMBERS', 'OMNIMIND_MEMBER_ID'],
    check: ({ memberId, cluster: { members } }) =>
      members === null || members.some((member) => member.memberId === memberId)
        ? null
        : `OMNIMIND_CLUSTER_MEMBERS: does not name this member, ${memberId} (OMNIMIND_MEMBER_ID); add it or correct its name`,
  },
  {
    reads: ['OMNIMIND_RAFT_LISTEN', 'OMNIMIND_CLUSTER_MEMBERS', 'OMNIMIND_CLUSTER_JOIN'],
    check: ({ cluster, raft }) => {
      if (raft.listen !== null || (cluster.members === null && !cluster.join)) return null;
      const why = cluster.join ? 'OMNIMIND_CLUSTER_JOIN=on' : 'OMNIMIND_CLUSTER_MEMBERS';
      return `OMNIMIND_RAFT_LISTEN: is needed with ${why}; give the host:port that the other members reach`;
    },
  },
  {
    reads: ['OMNIMIND_RAFT_LISTEN', 'OMNIMIND_CLUSTER_SECRET_FILE'],
    check: ({ raft }) =>
      raft.listen === null || raft.secret !== null || Object.values(raft.tls).some(isGiven)
        ? null
        : 'OMNIMIND_CLUSTER_SECRET_FILE: is needed with OMNIMIND_RAFT_LISTEN, unless OMNIMIND_RAFT_TLS_CA_FILE is given: members hear only who proves to be one',
  },
  {
    reads: [],
    check: ({ raft: { tls } }) => {
      const missing = TLS_FILES.filter(([field]) => !isGiven(tls[field])).map(([, name]) => name);
      if (missing.length === 0 || missing.length === TLS_FILES.length) return null;
      return `${missing.join(', ')}: mutual TLS needs all three of OMNIMIND_RAFT_TLS_CA_FILE, _CERT_FILE and _KEY_FILE`;
    },
  },
  {
    reads: [
      ...(['OMNIMIND_RAFT_LISTEN', 'OMNIMIND_RAFT_ADVERTISE'] as const),
      ...(['OMNIMIND_CLUSTER_MEMBERS', 'OMNIMIND_MEMBER_ID'] as const),
    ],
    check: ({ memberId, cluster, raft }) => {
      const named = cluster.members?.find((member) => member.memberId === memberId)?.address;
      if (named !== undefined && raft.advertise !== null && named !== raft.advertise) {
        return `OMNIMIND_RAFT_ADVERTISE: is ${raft.advertise}, but OMNIMIND_CLUSTER_MEMBERS says ${named} of this member; they must be the same`;
      }
      if (raft.listen === null || raft.advertise !== null) return null;
      // A list that leaves this member out is the other rule's, and says where it went wrong.
      if (cluster.members !== null && named === undefined) return null;
      return `OMNIMIND_RAFT_ADVERTISE: is needed, as OMNIMIND_RAFT_LISTEN (${formatHostPort(raft.listen)}) is no address that others can be told`;
    },
  },
  {
    reads: ['OMNIMIND_LISTEN', 'OMNIMIND_ADVERTISE_URL', 'OMNIMIND_RAFT_LISTEN'],
    check: ({ cluster, raft }) =>
      raft.listen === null || cluster.advertiseUrl !== null
        ? null
        : 'OMNIMIND_ADVERTISE_URL: is needed, as OMNIMIND_LISTEN is no address that other members can be told',
  },
  {
    reads: ['OMNIMIND_RAFT_HEARTBEAT', 'OMNIMIND_RAFT_ELECTION_MIN'],
    check: ({ raft: { heartbeatIntervalMs, electionTimeoutMinMs } }) =>
      heartbeatIntervalMs * HEARTBEATS_PER_TIMEOUT <= electionTimeoutMinMs
        ? null
        : `OMNIMIND_RAFT_ELECTION_MIN: must be ${HEARTBEATS_PER_TIMEOUT} times OMNIMIND_RAFT_HEARTBEAT at least (${heartbeatIntervalMs * HEARTBEATS_PER_TIMEOUT}ms), so that one late heartbeat is no election`,
  },
  {
    reads: ['OMNIMIND_RAFT_ELECTION_MIN', 'OMNIMIND_RAFT_ELECTION_MAX'],
    check: ({ raft: { electionTimeoutMinMs, electionTimeoutMaxMs } }) =>
      electionTimeoutMinMs * TIMEOUT_SPREAD <= electionTimeoutMaxMs
        ? null
        : `OMNIMIND_RAFT_ELECTION_MAX: must be ${TIMEOUT_SPREAD} times OMNIMIND_RAFT_ELECTION_MIN at least (${Math.ceil(electionTimeoutMinMs * TIMEOUT_SPREAD)}ms), so that two members seldom campaign at once`,
  },
];

const TLS_FILES = [
  ['caFile', 'OMNIMIND_RAFT_TLS_CA_FILE'],
  ['certFile', 'OMNIMIND_RAFT_TLS_CERT_FILE'],
  ['keyFile', 'OMNIMIND_RAFT_TLS_KEY_FILE'],
] as const;

function isGiven(file: string | null): boolean {
  return file !== null;
}
