/**
 * What the events of a Raft core add to the series: votes, leaders, step-downs, transfers, and the
 * elections of this member with the exemplar that names their trace. Keeps no more than the newest
 * term whose leader was known.
 */

import type { CampaignCause, ElectionOutcome } from '../../model/election.ts';
import { unreachable } from '../../model/reasons.ts';
import type { RaftEvent } from '../../raft/ready.ts';
import type { Series } from '../../telemetry/series.ts';

export interface EndedElection {
  readonly cause: CampaignCause;
  readonly outcome: ElectionOutcome;
  readonly durationMs: number;
  /** Null for one that was not traced. */
  readonly exemplar: Readonly<Record<string, string>> | null;
}

export class ElectionSeries {
  readonly #series: Series;
  #leaderTerm = 0;

  constructor(series: Series) {
    this.#series = series;
  }

  count(event: RaftEvent): void {
    const series = this.#series;
    switch (event.kind) {
      case 'vote_cast':
        series.raftVotes.inc({ phase: event.phase, reason: event.reason });
        break;
      case 'elected':
      case 'leader_known':
        this.#leader(event.term);
        break;
      case 'stepped_down':
        series.raftStepDowns.inc({ reason: event.reason });
        break;
      case 'transfer_ended':
        series.raftTransfers.inc({ outcome: event.outcome });
        break;
      case 'snapshot_installed':
        series.raftSnapshots.inc({ origin: 'installed' });
        break;
      case 'message_ignored':
        series.raftMessagesIgnored.inc({});
        break;
      case 'suspected':
      case 'campaign_started':
      case 'vote_received':
      case 'campaign_lost':
      case 'term_started':
      case 'configuration':
        break;
      default:
        unreachable(event);
    }
  }

  ended({ cause, outcome, durationMs, exemplar }: EndedElection): void {
    const labels = { cause, outcome };
    this.#series.raftElections.inc(labels);
    this.#series.raftElectionDuration.observe(labels, durationMs / 1_000, exemplar);
  }

  untraced(): void {
    this.#series.raftElectionsUntraced.inc({});
  }

  leaderless(cause: CampaignCause, forMs: number, exemplar: EndedElection['exemplar']): void {
    this.#series.raftLeaderlessDuration.observe({ cause }, forMs / 1_000, exemplar);
  }

  /** A term has one leader at most. */
  #leader(term: number): void {
    if (term <= this.#leaderTerm) return;
    this.#leaderTerm = term;
    this.#series.raftLeaderChanges.inc({});
  }
}
