/**
 * Proposes a client's command and waits for its commit, under a deadline. A refusal of the state
 * machine becomes the client's refusal. An Idempotency-Key becomes the command's key together with
 * whose it is, what it asks for and a digest of the body; so a repeat is applied once, and the same
 * key with another body is refused rather than answered as if it had been applied.
 */

import { createHash, randomUUID } from 'node:crypto';

import type { Command, CommandRefusal, Committed } from '../model/command.ts';
import type { Clock } from '../ports/clock.ts';
import { type Consensus, ConsensusError } from '../ports/consensus.ts';
import { HttpRefusal, type ProblemCode } from './errors.ts';
import { REFUSAL_CODES } from './refusal-codes.ts';
import type { Call } from './route.ts';

export interface CommandHead {
  readonly key: string;
  readonly atMs: number;
}

export type AnyCall = Call<unknown, unknown, unknown>;

export interface Committer {
  /**
   * Resolves once the command is committed and applied.
   * @param codes where a refusal means something else to this route
   * @throws HttpRefusal, ConsensusError
   */
  commit(
    call: AnyCall,
    command: (head: CommandHead) => Command,
    codes?: Partial<Record<CommandRefusal, ProblemCode>>,
  ): Promise<Applied>;
}

/** What an applied command gave. */
type Applied = Extract<Committed['result'], { kind: 'applied' }>;

/** 201 when a put created what it put, and again when that very request is repeated. */
export function createdStatus(applied: Applied, versionBefore: number | null): 200 | 201 {
  return applied.version === 1 && (versionBefore === null || applied.repeated) ? 201 : 200;
}

/**
 * What has to be proposed before a command, since it is newer than what the cluster is known to read;
 * null when nothing has.
 */
export type Precede = (
  state: ReturnType<Consensus['readState']>,
  command: Command,
) => Command | null;

export function createCommitter(
  consensus: Consensus,
  clock: Clock,
  commitTimeoutMs: number,
  precede: Precede,
): Committer {
  return {
    commit: async (call, command, codes = {}) => {
      const key = commandKey(call, consensus);
      // The client's going away does not take the change back: only the deadline gives up.
      const signal = AbortSignal.timeout(commitTimeoutMs);
      const asked = command({ key, atMs: clock.nowMs() });
      const first = precede(consensus.readState(), asked);
      if (first !== null) await propose(consensus, first, signal);
      const committed = await propose(consensus, asked, signal);
      await untilApplied(consensus, committed.token.index, signal);
      if (committed.result.kind === 'applied') return committed.result;
      const { refusal, detail } = committed.result;
      throw new HttpRefusal(codes[refusal] ?? REFUSAL_CODES[refusal], detail);
    },
  };
}

/**
 * What another member committed, since leadership moved on meanwhile, may not be applied here yet; an
 * answer from the state before it would deny what was just put.
 */
async function untilApplied(consensus: Consensus, index: number, signal: AbortSignal) {
  if (consensus.status().appliedIndex >= index) return;
  try {
    await consensus.readBarrier(signal);
  } catch (cause) {
    throw unknown(cause);
  }
}

async function propose(consensus: Consensus, command: Command, signal: AbortSignal) {
  try {
    return await consensus.propose(command, signal);
  } catch (cause) {
    if (cause instanceof ConsensusError) throw withLeader(cause, consensus);
    if (signal.aborted) throw unknown(cause);
    throw cause;
  }
}

function unknown(cause: unknown): HttpRefusal {
  return new HttpRefusal('commit_unknown', 'The change was not confirmed in time.', { cause });
}

/** It may have been on its way when leadership was lost: then a later leader has it, or has not. */
function withLeader(cause: ConsensusError, consensus: Consensus): Error {
  if (cause.failure !== 'not_leader' && cause.failure !== 'no_leader') return cause;
  const leader = consensus.status().leadership.leaderId;
  const known = leader === null ? 'no leader is known' : `the leader is ${leader}`;
  const detail = `The change was not confirmed while this member led; ${known}.`;
  return new HttpRefusal('commit_unknown', detail, { cause });
}

function commandKey(call: AnyCall, consensus: Consensus): string {
  const given = call.expectation.idempotencyKey;
  if (given === null) return `http-${randomUUID()}`;
  const { method, path, principal } = call.raw;
  const scope = `http-${digest(JSON.stringify([principal.keyId, method, path, given]))}-`;
  const key = `${scope}${digest(call.bodyBytes)}`;
  if (isUsedOtherwise(consensus, scope, key)) {
    throw new HttpRefusal(
      'idempotency_key_reused',
      'This key was sent before with another body; nothing was applied.',
    );
  }
  return key;
}

/** Whether a key of this scope was applied lately for another body. */
function isUsedOtherwise(consensus: Consensus, scope: string, key: string): boolean {
  for (const applied of consensus.readState().appliedKeys.startingWith(scope)) {
    if (applied !== key) return true;
  }
  return false;
}

function digest(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}
