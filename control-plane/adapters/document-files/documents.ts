/**
 * Workloads and policies from a directory of YAML files, read as a whole: either every document of
 * every file is right, or all faults of all files are reported at once and nothing is taken. Looks
 * into no subdirectory, and watches nothing.
 */

import type { ScalePolicy } from '../../model/policy.ts';
import type { Workload } from '../../model/workload.ts';
import { describeValue } from '../../schemas/document.ts';
import { SchemaError } from '../../schemas/fault.ts';
import { parsePolicy } from '../../schemas/policy.ts';
import { parseWorkload } from '../../schemas/workload.ts';
import { DOCUMENT_FILES_LIMITS, readYamlFiles } from './yaml-files.ts';
import type { DocumentFilesLimits } from './yaml-files.ts';

export interface Documents {
  readonly workloads: readonly Workload[];
  readonly policies: readonly ScalePolicy[];
}

/**
 * Reads every *.yaml and *.yml of a directory.
 * @throws DocumentFilesError with every fault; the signal's reason when it aborts
 */
export async function readDocuments(
  directory: string,
  signal: AbortSignal,
  limits: DocumentFilesLimits = DOCUMENT_FILES_LIMITS,
): Promise<Documents> {
  const workloads: Workload[] = [];
  const policies: ScalePolicy[] = [];
  await readYamlFiles(directory, signal, limits, (value, claim) => {
    const { kind, ...rest } = recordOf(value);
    if (kind === 'Workload') {
      const workload = parseWorkload(rest);
      claim('/id', `the workload ${workload.id}`);
      workloads.push(workload);
    } else if (kind === 'ScalePolicy') {
      const policy = parsePolicy(rest);
      claim('/id', `the policy ${policy.id}`);
      claim('/workload', `a policy for the workload ${policy.workloadId}`);
      policies.push(policy);
    } else {
      const got = kind === undefined ? 'nothing' : describeValue(kind);
      const message = `expected kind Workload or ScalePolicy; got ${got}`;
      throw new SchemaError([{ pointer: '/kind', message }]);
    }
  });
  return { workloads, policies };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value;
  const message = `expected a workload or a policy; got ${describeValue(value)}`;
  throw new SchemaError([{ pointer: '', message }]);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
