/**
 * Proposes what this member's document files say, once per start. A cluster of one waits for it and
 * does not start with documents that are refused; a member of several goes on starting, since it may be
 * needed for a majority first, and says in the log what became of them. While a member would not read
 * them they wait, and that is said once for each thing that they wait for.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { DocumentsRefusedError, proposeDocuments } from '../loops/documents.ts';
import type { Documents } from '../loops/documents.ts';
import { type Consensus, ConsensusError } from '../ports/consensus.ts';
import type { Context } from './parts.ts';

/** From the first document proposed to the last one committed, in ms. */
const DOCUMENTS_TIMEOUT_MS = 30_000;

/** Before they are proposed again, when no majority was there or a member would not read them, in ms. */
const RETRY_MS = 1_000;

/** @throws DocumentsRefusedError | DeadlineError | ConsensusError, in a cluster of one */
export async function proposeFiles(
  context: Context,
  documents: Documents,
  consensus: Consensus,
  signal: AbortSignal,
): Promise<void> {
  const { config, clock, stops } = context;
  const { workloads, policies } = documents;
  if (workloads.length + policies.length === 0) return;
  if (config.raft.listen === null) {
    await proposeDocuments(documents, consensus, clock, DOCUMENTS_TIMEOUT_MS, signal);
    return;
  }
  const stopping = new AbortController();
  const proposing = proposeLater(context, documents, consensus, stopping.signal);
  stops.push('documents', async () => {
    stopping.abort();
    await proposing;
  });
}

async function proposeLater(
  { clock, logger }: Context,
  documents: Documents,
  consensus: Consensus,
  signal: AbortSignal,
): Promise<void> {
  const isStopping = (): boolean => signal.aborted;
  let told: string | null = null;
  while (!isStopping()) {
    try {
      await proposeDocuments(documents, consensus, clock, DOCUMENTS_TIMEOUT_MS, signal);
      logger.info({}, 'the document files are committed');
      return;
    } catch (err) {
      if (isStopping()) return;
      if (err instanceof DocumentsRefusedError) {
        logger.error({ err }, 'documents were refused: the plane does not run what its files say');
        return;
      }
      const waitsFor = formatNotRead(err);
      if (waitsFor === null) {
        logger.warn({ err }, 'the document files could not be proposed; trying again');
      } else if (waitsFor !== told) {
        told = waitsFor;
        logger.warn({ reason: waitsFor }, 'the document files wait until every member reads them');
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Why not every member would read the documents; null for any other error. */
function formatNotRead(error: unknown): string | null {
  const isSo = error instanceof ConsensusError && error.failure === 'format_not_read';
  return isSo ? error.message : null;
}
