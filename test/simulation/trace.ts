/** What happens in a simulated world, as lines for the person who looks for the cause of a violation. */

import type { RaftMessage } from '../../control-plane/model/raft-message.ts';
import type { RaftEvent } from '../../control-plane/raft/ready.ts';
import type { Happening } from './happening.ts';
import { describeFault } from './faults.ts';
import { memberId } from './watch/subject.ts';

export type Trace = (atMs: number, line: string) => void;

/** Ticks say nothing and are left out by whoever prints. */
export function describeHappening(event: Happening): string {
  switch (event.kind) {
    case 'message':
      return describeMessage(event.message);
    case 'fault':
      return `fault ${describeFault(event.fault)}`;
    case 'request':
      return `request ${event.request.body.kind} of client ${event.request.client} at ${memberId(event.member)}`;
    case 'answer':
      return `answer ${event.answer.kind} to client ${event.client}`;
    case 'sync_told':
      return `sync_told ${memberId(event.member)} up to change ${event.sequence}`;
    case 'snapshot_renamed':
      return `snapshot_renamed ${memberId(event.member)} at ${event.saved.place.index}`;
    case 'snapshot_told':
      return `snapshot_told ${memberId(event.member)} at ${event.index}, kept from ${event.keepFrom}`;
    case 'chunk_read':
      return `chunk_read ${memberId(event.member)} ${JSON.stringify(event.wanted)}`;
    case 'unreachable':
      return `unreachable ${event.peer} from ${memberId(event.member)}`;
    case 'tick':
    case 'apply':
    case 'take_snapshot':
    case 'sync_ended':
    case 'crash':
    case 'restart':
    case 'wake':
      return `${event.kind} ${memberId(event.member)}`;
    case 'client_acts':
    case 'client_waited':
    case 'fault_ends':
    case 'heal':
    case 'look':
      return event.kind;
  }
}

export function describeEvent(event: RaftEvent): string {
  return JSON.stringify(event);
}

function describeMessage(message: RaftMessage): string {
  const { from, to, term, kind, ...rest } = message;
  const body = JSON.stringify(rest, (name, value: unknown) => {
    if (name === 'entries' && Array.isArray(value)) return value.length;
    return name === 'payload' || name === 'bytes' ? undefined : value;
  });
  return `${from} → ${to} term ${term} ${kind} ${body}`;
}
