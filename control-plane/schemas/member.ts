/**
 * What an operator says of a member: who shall join, and who shall lead. Whether a change is possible
 * now is for the leader to say.
 */

import type { MemberId } from '../model/configuration.ts';
import { hostPort } from './address.ts';
import { slug, strictObject } from './document.ts';
import { parseWith } from './fault.ts';

export interface NewMember {
  readonly id: MemberId;
  readonly address: string;
}

export const memberDocument = strictObject('a member', {
  id: slug('the id of a member').meta({ examples: ['member-4'] }),
  address: hostPort().meta({
    description: 'Of its Raft listener, as every other member reaches it.',
    examples: ['10.0.4.7:7401'],
  }),
}).meta({ id: 'NewMember', description: 'A member that joins as a learner.' });

export const transferDocument = strictObject('{ to } or {}', {
  to: slug('the id of a member').optional().meta({
    description: 'Who shall lead; left out, the leader chooses whose log is the furthest.',
  }),
}).meta({ id: 'LeadershipTransfer' });

/** @throws SchemaError with every fault */
export function parseMember(value: unknown): NewMember {
  return parseWith(memberDocument, value);
}

/** Null: the leader chooses. @throws SchemaError with every fault */
export function parseTransfer(value: unknown): MemberId | null {
  return parseWith(transferDocument, value).to ?? null;
}
