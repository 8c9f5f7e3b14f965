/**
 * Who takes part in consensus, and how it reads in the log. While `outgoing` is not empty the
 * configuration is joint (Raft dissertation, 4.3): votes and commits need a majority of `voters` and a
 * majority of `outgoing`.
 */

/** 1 to 63 characters of [a-z0-9-]. */
export type MemberId = string;

export interface Configuration {
  /** Ascending, without repeats, like the other lists. */
  readonly voters: readonly MemberId[];
  /** The voters before a change, while it is joint. */
  readonly outgoing: readonly MemberId[];
  /** Get the log, and count for nothing. */
  readonly learners: readonly MemberId[];
  /** host:port of the Raft listener of each member named above. */
  readonly addresses: Readonly<Record<MemberId, string>>;
}

/** Of a member that waits to be added: it campaigns for nothing. */
export const NO_CONFIGURATION: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  addresses: {},
};

/** Members of all kinds, ascending. */
export function membersOf(configuration: Configuration): readonly MemberId[] {
  const { voters, outgoing, learners } = configuration;
  return [...new Set([...voters, ...outgoing, ...learners])].sort();
}

export function isVoter(configuration: Configuration, id: MemberId): boolean {
  return configuration.voters.includes(id) || configuration.outgoing.includes(id);
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

/** JSON with its fields in a fixed order: equal configurations have equal text. */
export function configurationText(configuration: Configuration): string {
  const { voters, outgoing, learners, addresses } = configuration;
  const row = membersOf(configuration).map((id) => [id, addresses[id] ?? ''] as const);
  return JSON.stringify({ voters, outgoing, learners, addresses: Object.fromEntries(row) });
}

/** @throws Error for text that is not of configurationText. */
export function parseConfiguration(text: string): Configuration {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('a configuration is an object');
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const ids = (name: string): readonly string[] => {
    const list: unknown = fields[name];
    if (!Array.isArray(list) || !list.every((id) => typeof id === 'string' && id !== '')) {
      throw new Error(`${name} of a configuration is a list of member ids`);
    }
    return list as readonly string[];
  };
  const addresses: unknown = fields['addresses'];
  if (
    typeof addresses !== 'object' ||
    addresses === null ||
    !Object.values<unknown>({ ...addresses }).every((address) => typeof address === 'string')
  ) {
    throw new Error('addresses of a configuration maps member ids to host:port');
  }
  return {
    voters: ids('voters'),
    outgoing: ids('outgoing'),
    learners: ids('learners'),
    addresses: addresses as Record<string, string>,
  };
}

/** Members join as learners, learners are promoted to voters, voters and learners are removed. */
export interface MembershipChange {
  readonly add: readonly { readonly memberId: MemberId; readonly address: string }[];
  readonly promote: readonly MemberId[];
  readonly remove: readonly MemberId[];
}

export const CHANGE_REFUSALS = [
  'not_leader',
  /** Leadership is being handed over. */
  'transferring',
  /** An earlier change is not finished, or the term's first entry is not committed. */
  'change_under_way',
  'member_exists',
  'member_unknown',
  'not_a_learner',
  'learner_lags',
  /** No voter would be left. */
  'no_voter_left',
  'nothing_to_change',
] as const;
export type ChangeRefusal = (typeof CHANGE_REFUSALS)[number];

export const TRANSFER_REFUSALS = [
  'not_leader',
  'transferring',
  'member_unknown',
  'not_a_voter',
  'already_leader',
] as const;
export type TransferRefusal = (typeof TRANSFER_REFUSALS)[number];
