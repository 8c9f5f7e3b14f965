/**
 * The SLOs that the API tells of: read once per start, from the files that the rules of Prometheus
 * were generated from. Without that directory there are none; with a wrong file the member does not
 * start, since it would tell of other objectives than the alerts.
 */

import { stat } from 'node:fs/promises';
import { readSlos } from '../adapters/document-files/slos.ts';
import { within } from '../loops/deadline.ts';
import type { Slo } from '../model/slo.ts';
import type { Context } from './parts.ts';

/** Of reading the files, in ms. */
const FILES_TIMEOUT_MS = 10_000;

/** @throws DocumentFilesError | DeadlineError */
export async function readSloFiles(
  { config, logger }: Pick<Context, 'config' | 'logger'>,
  signal: AbortSignal,
): Promise<readonly Slo[]> {
  const { slosDirectory } = config;
  return within(FILES_TIMEOUT_MS, signal, async (deadline) => {
    if (await isThere(slosDirectory)) return readSlos(slosDirectory, deadline);
    logger.info({ directory: slosDirectory }, 'there is no directory of SLOs, so there are none');
    return [];
  });
}

async function isThere(directory: string): Promise<boolean> {
  try {
    await stat(directory);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    // What else keeps it from being read is said when it is read.
    return true;
  }
}
