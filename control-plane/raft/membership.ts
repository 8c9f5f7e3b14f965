/**
 * From a configuration and what is asked to the next configuration, or to the reason why not. A change
 * of voters is joint, whatever its size; learners come and go at once. Decides nothing about when.
 */

import { isJoint } from '../model/configuration.ts';
import type {
  ChangeRefusal,
  Configuration,
  MemberId,
  MembershipChange,
} from '../model/configuration.ts';

export type NextConfiguration =
  | { readonly kind: 'next'; readonly configuration: Configuration }
  | { readonly kind: 'refused'; readonly reason: ChangeRefusal };

/**
 * @param lagOf entries that a learner is behind the leader; Infinity for one that was never heard
 */
export function changeConfiguration(
  current: Configuration,
  change: MembershipChange,
  lagOf: (memberId: MemberId) => number,
  promotionLagMax: number,
): NextConfiguration {
  const known = (id: MemberId): boolean =>
    current.voters.includes(id) || current.learners.includes(id);
  const { add, promote, remove } = change;
  const touched = [...add.map((one) => one.memberId), ...promote, ...remove];
  if (isJoint(current)) return refused('change_under_way');
  if (touched.length === 0 || new Set(touched).size < touched.length) {
    return refused('nothing_to_change');
  }
  if (add.some(({ memberId }) => known(memberId))) return refused('member_exists');
  if ([...promote, ...remove].some((id) => !known(id))) return refused('member_unknown');
  if (promote.some((id) => !current.learners.includes(id))) return refused('not_a_learner');
  if (promote.some((id) => lagOf(id) > promotionLagMax)) return refused('learner_lags');
  const stays = (id: MemberId): boolean => !remove.includes(id);
  const voters = [...current.voters.filter(stays), ...promote].sort();
  if (voters.length === 0) return refused('no_voter_left');
  const learners = [
    ...current.learners.filter((id) => stays(id) && !promote.includes(id)),
    ...add.map((one) => one.memberId),
  ].sort();
  const votersChange = promote.length > 0 || voters.length < current.voters.length;
  const outgoing = votersChange ? current.voters : [];
  const given = new Map([
    ...Object.entries(current.addresses),
    ...add.map(({ memberId, address }) => [memberId, address] as const),
  ]);
  return {
    kind: 'next',
    configuration: withAddresses({ voters, outgoing, learners }, given),
  };
}

/** The configuration that follows a joint one. */
export function withoutOutgoing(joint: Configuration): Configuration {
  const { voters, learners, addresses } = joint;
  return withAddresses({ voters, outgoing: [], learners }, new Map(Object.entries(addresses)));
}

function withAddresses(
  lists: Omit<Configuration, 'addresses'>,
  given: ReadonlyMap<MemberId, string>,
): Configuration {
  const ids = [...new Set([...lists.voters, ...lists.outgoing, ...lists.learners])].sort();
  const addresses = Object.fromEntries(ids.map((id) => [id, given.get(id) ?? ''] as const));
  return { ...lists, addresses };
}

function refused(reason: ChangeRefusal): NextConfiguration {
  return { kind: 'refused', reason };
}
