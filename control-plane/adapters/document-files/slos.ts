/**
 * Service level objectives from a directory of YAML files, read as a whole: either every SLO of every
 * file is right, or all faults of all files are reported at once and nothing is taken.
 */

import type { Slo } from '../../model/slo.ts';
import { parseSlo } from '../../schemas/slo.ts';
import { DOCUMENT_FILES_LIMITS, readYamlFiles } from './yaml-files.ts';
import type { DocumentFilesLimits } from './yaml-files.ts';

/**
 * Reads every *.yaml and *.yml of a directory.
 * @returns in ascending order of their ids
 * @throws DocumentFilesError with every fault; the signal's reason when it aborts
 */
export async function readSlos(
  directory: string,
  signal: AbortSignal,
  limits: DocumentFilesLimits = DOCUMENT_FILES_LIMITS,
): Promise<readonly Slo[]> {
  const slos: Slo[] = [];
  await readYamlFiles(directory, signal, limits, (value, claim) => {
    const slo = parseSlo(value);
    claim('/id', `the SLO ${slo.id}`);
    slos.push(slo);
  });
  return slos.sort((a, b) => (a.id < b.id ? -1 : 1));
}
