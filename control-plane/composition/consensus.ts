/**
 * Opens what makes this process a member of its cluster: the log, the network where there is one, and
 * the loop that drives the core, each tied to its series, its traces and its lines in the log. A member
 * without a Raft listener is a cluster of one.
 */

import { join } from 'node:path';
import { openRaftLog } from '../adapters/log/raft-log.ts';
import type { RaftLogOnDisk } from '../adapters/log/raft-log.ts';
import { createRaftTransport } from '../adapters/raft/transport.ts';
import { ElectionRecorder } from '../loops/raft/election-recorder.ts';
import { ElectionTracer } from '../loops/raft/election-tracer.ts';
import { startRaftMember } from '../loops/raft/member.ts';
import type { RaftMember } from '../loops/raft/member.ts';
import type { RaftObserver } from '../loops/raft/observer.ts';
import { configurationText } from '../model/configuration.ts';
import type { RaftTransport } from '../ports/raft-transport.ts';
import type { RaftEvent } from '../raft/ready.ts';
import { FORMAT_MAX } from '../state/format.ts';
import { observeRaft, observeTransport, watchRaft } from '../telemetry/raft-observation.ts';
import { currentTraceparent } from '../telemetry/span.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { bootstrapConfiguration, readCredentials } from './cluster.ts';
import type { Context } from './parts.ts';
import { createRefusalLog } from './refusal-log.ts';
import { countCommand } from './watch-parts.ts';

/** For handing leadership over and for the disk; a disk that hangs does not hold up the rest, in ms. */
const STOP_TIMEOUT_MS = 5_000;

export interface OpenedConsensus {
  readonly member: RaftMember;
  readonly elections: ElectionRecorder;
  readonly tracer: ElectionTracer;
  /** URL of a member's API, as it said itself; null before it was connected. */
  apiUrl(memberId: string): string | null;
  /** How long the disk has not ended an operation, in ms; 0 while all is well. */
  diskStalledForMs(): number;
}

export interface ConsensusHooks {
  /** This member leads, and has applied all that was committed before. */
  readonly onLeads: () => void;
  /** Whoever led, leads no more. */
  readonly onLeadershipChanged: () => void;
}

/**
 * Tracing ends with the member, after it: what it says while it stops is still sent.
 * @throws LogDamageError | LogLockedError | ClusterFileError | ConsensusError, or the system's error
 */
export async function openConsensus(
  context: Context,
  tracing: Tracing,
  hooks: ConsensusHooks,
): Promise<OpenedConsensus> {
  try {
    return await openTraced(context, tracing, hooks);
  } catch (error) {
    await tracing.stop();
    throw error;
  }
}

async function openTraced(
  context: Context,
  tracing: Tracing,
  hooks: ConsensusHooks,
): Promise<OpenedConsensus> {
  const { config, clock, series, stops } = context;
  const log = await openLog(context);
  const transport = await openTransport(context, log);
  const elections = new ElectionRecorder();
  let member: RaftMember | null = null;
  const tracer = new ElectionTracer({
    memberId: config.memberId,
    clock,
    series,
    onElection: (election) => elections.add(election),
    previous: () => {
      const last = member?.readState().elections.at(-1);
      return last === undefined ? null : { traceId: last.traceId, spanId: last.rootSpanId };
    },
    flush: () => tracing.flush(),
  });
  const opened = await startRaftMember({
    memberId: config.memberId,
    log,
    transport,
    bootstrap: bootstrapConfiguration(config),
    raft: {
      heartbeatIntervalMs: config.raft.heartbeatIntervalMs,
      electionTimeoutMinMs: config.raft.electionTimeoutMinMs,
      electionTimeoutMaxMs: config.raft.electionTimeoutMaxMs,
      diskStallMs: config.raft.diskStallMs,
    },
    clock,
    limits: { snapshotEveryEntries: config.snapshotEveryEntries },
    observer: observerOf(context, tracer, hooks),
  });
  member = opened;
  const stop = async (): Promise<void> => {
    try {
      await opened.stop();
    } finally {
      tracer.stop();
      await tracing.stop();
    }
  };
  stops.push('consensus', stop, STOP_TIMEOUT_MS);
  watchRaft(series, {
    status: () => opened.raftStatus(),
    logBytes: () => log.bytes,
    snapshotBytes: () => log.snapshotBytes,
    monotonicMs: () => clock.monotonicMs(),
  });
  return {
    member: opened,
    elections,
    tracer,
    apiUrl: (memberId) => transport?.apiUrl(memberId) ?? null,
    diskStalledForMs: () => log.stalledForMs,
  };
}

function openLog({ config, series, logger }: Context): Promise<RaftLogOnDisk> {
  return openRaftLog({
    directory: join(config.dataDirectory, 'log'),
    memberId: config.memberId,
    onFsync: (seconds) => series.logFsyncDuration.observe({}, seconds),
    onStall: (stall) => logger.warn({ ...stall }, 'the disk of the log hangs'),
  });
}

/** Null without a listener. */
async function openTransport(
  { config, clock, series, logger }: Context,
  log: RaftLogOnDisk,
): Promise<RaftTransport | null> {
  const { listen } = config.raft;
  if (listen === null) return null;
  const { snapshot, entries } = log.recovered;
  const counts = observeTransport(series);
  const logRefusal = createRefusalLog(logger, clock);
  try {
    return createRaftTransport({
      ...(await readCredentials(config, snapshot === null && entries.length === 0)),
      memberId: config.memberId,
      listen,
      apiUrl: config.cluster.advertiseUrl ?? '',
      formatMax: FORMAT_MAX,
      hooks: {
        ...counts,
        refused: (cause, remote, detail) => {
          counts.refused(cause);
          logRefusal(cause, remote, detail);
        },
        dialFailed: (peer, cause, detail) => {
          counts.dialFailed(peer, cause);
          logger.debug({ peer, cause, detail }, 'a member could not be reached');
        },
      },
    });
  } catch (error) {
    await log.close();
    throw error;
  }
}

function observerOf(context: Context, tracer: ElectionTracer, hooks: ConsensusHooks): RaftObserver {
  const { series, logger } = context;
  const logEvent = createEventLog(logger);
  return {
    ...observeRaft(series),
    onMessage: (message, trace) => tracer.messageReceived(message, trace),
    onEvent: (event, atMs) => {
      tracer.onEvent(event, null, atMs);
      logEvent(event);
      if (event.kind === 'term_started') hooks.onLeads();
      if (event.kind === 'term_started' || event.kind === 'stepped_down') {
        hooks.onLeadershipChanged();
      }
    },
    traceFor: (message) => tracer.traceFor(message),
    onSent: (message) => tracer.messageSent(message),
    onTransferStarted: (to) => tracer.transferStarted(to),
    currentTrace: currentTraceparent,
    onApplied: (command, committed) => countCommand(series, command, committed),
    onFailed: (reason) => logger.error({ reason }, 'this member takes part in consensus no more'),
  };
}

/**
 * What a person reads after an incident; votes and reads are in series and traces. A member without a
 * quorum campaigns several times a second: of those campaigns the first is told, until a leader is known.
 */
function createEventLog(logger: Context['logger']): (event: RaftEvent) => void {
  let campaigns: 'told' | 'repeated' | null = null;
  return (event) => {
    switch (event.kind) {
      case 'suspected':
        campaigns = campaigns === null ? 'told' : 'repeated';
        logger[campaigns === 'told' ? 'info' : 'debug'](...lineOf(event));
        break;
      case 'campaign_lost':
        logger[campaigns === 'repeated' ? 'debug' : 'info'](...lineOf(event));
        break;
      case 'elected':
      case 'leader_known':
        campaigns = null;
        logger.info(...lineOf(event));
        break;
      case 'stepped_down':
      case 'transfer_ended':
      case 'snapshot_installed':
        logger.info(...lineOf(event));
        break;
      case 'configuration': {
        const { index, stage, configuration } = event;
        const members = configurationText(configuration);
        logger.info({ index, members }, `raft: configuration ${stage}`);
        break;
      }
      case 'message_ignored':
        logger.warn({ from: event.from, detail: event.detail }, 'raft: message ignored');
        break;
      case 'campaign_started':
      case 'vote_cast':
      case 'vote_received':
      case 'term_started':
    }
  };
}

/** Terms, indices and milliseconds are whole numbers to whoever reads them. */
function lineOf({ kind, ...fields }: RaftEvent): [Readonly<Record<string, unknown>>, string] {
  const read: Record<string, unknown> = { ...fields };
  for (const [name, value] of Object.entries(read)) {
    if (typeof value === 'number') read[name] = Math.round(value);
  }
  return [read, `raft: ${kind.replaceAll('_', ' ')}`];
}
