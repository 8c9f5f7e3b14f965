/**
 * Tells how work for the group ended and how long it took. Refuses to change the outcome: what was
 * thrown is thrown on, and an error that is not the group's is no outcome of it.
 */

import type { ConsensusFailure } from '../../model/consensus-failure.ts';
import { ConsensusError } from '../../ports/consensus.ts';
import type { Settings } from './member-options.ts';

export type Told = Pick<Settings, 'observer' | 'monotonicMs'>;

/** Only why it was not brought to a commit; how long one takes is measured at the leader. */
export function tellProposal<T>(settings: Told, work: () => Promise<T>): Promise<T> {
  return tellEnding(settings, work, (failure) => {
    if (failure !== null) settings.observer.onProposalRefused?.(failure);
  });
}

export function tellRead<T>(settings: Told, work: () => Promise<T>): Promise<T> {
  return tellEnding(settings, work, (failure, seconds) =>
    settings.observer.onReadEnded?.(failure ?? 'ok', seconds),
  );
}

async function tellEnding<T>(
  { monotonicMs }: Told,
  work: () => Promise<T>,
  tell: (failure: ConsensusFailure | null, seconds: number) => void,
): Promise<T> {
  const beganMs = monotonicMs();
  const seconds = (): number => (monotonicMs() - beganMs) / 1_000;
  try {
    const done = await work();
    tell(null, seconds());
    return done;
  } catch (error) {
    if (error instanceof ConsensusError) tell(error.failure, seconds());
    throw error;
  }
}
