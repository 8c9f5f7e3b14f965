/**
 * What can happen in a simulated world: the events of its agenda. Those that carry a `life` concern one
 * run of one member's process, and mean nothing after a crash.
 */

import type { RaftMessage } from '../../control-plane/model/raft-message.ts';
import type { ChunkWanted } from '../../control-plane/raft/ready.ts';
import type { Fault } from './faults.ts';
import type { Reading } from './machine.ts';
import type { SavedSnapshot } from './member-disk.ts';

/** What a client asks of one member, once. */
export interface Request {
  readonly client: number;
  /** Counts the client's requests; an answer to an earlier one comes too late. */
  readonly attempt: number;
  readonly body:
    | { readonly kind: 'write'; readonly payload: Uint8Array }
    | { readonly kind: 'read'; readonly key: number }
    | { readonly kind: 'lease_read'; readonly key: number };
}

export type Answer =
  | { readonly kind: 'written'; readonly position: number; readonly repeated: boolean }
  | { readonly kind: 'read'; readonly reading: Reading; readonly atLeader: boolean }
  /** Not done, and not under way either, as far as this member knows. */
  | { readonly kind: 'refused'; readonly leaderId: string | null };

/** What concerns one process, and waits while that stands still. */
export type MemberEvent = { readonly member: number; readonly life: number } & (
  | { readonly kind: 'tick' }
  | { readonly kind: 'sync_told'; readonly sequence: number }
  | { readonly kind: 'apply' }
  | { readonly kind: 'chunk_read'; readonly wanted: ChunkWanted }
  | { readonly kind: 'snapshot_told'; readonly index: number; readonly keepFrom: number }
  | { readonly kind: 'unreachable'; readonly peer: string }
  | { readonly kind: 'take_snapshot' }
);

/** What goes on at a member's disk, whether or not its process runs. */
export type DiskEvent = { readonly member: number; readonly life: number } & (
  | { readonly kind: 'sync_ended' }
  | { readonly kind: 'snapshot_renamed'; readonly saved: SavedSnapshot }
);

/** What arrives at a member from outside, whichever process runs there then. */
export type Arrival =
  | { readonly kind: 'message'; readonly member: number; readonly message: RaftMessage }
  | { readonly kind: 'request'; readonly member: number; readonly request: Request };

export type Happening =
  | MemberEvent
  | DiskEvent
  | Arrival
  | {
      readonly kind: 'answer';
      readonly client: number;
      readonly attempt: number;
      readonly answer: Answer;
    }
  | { readonly kind: 'client_acts'; readonly client: number }
  | { readonly kind: 'client_waited'; readonly client: number; readonly attempt: number }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'fault_ends'; readonly end: number }
  | { readonly kind: 'crash'; readonly member: number; readonly life: number }
  | { readonly kind: 'restart'; readonly member: number }
  | { readonly kind: 'wake'; readonly member: number; readonly stall: number }
  | { readonly kind: 'heal' }
  | { readonly kind: 'look' };
