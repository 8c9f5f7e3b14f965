/**
 * The workload as operators write it (YAML files and API bodies have this one shape), turned into
 * the model and back. Refuses what no target could run; whether the command exists is found out by
 * running it.
 */

import { z } from 'zod';
import { MODES } from '../model/mode.ts';
import type { Workload } from '../model/workload.ts';
import {
  oneOf,
  parseDocument,
  type ReadField,
  slug,
  strictObject,
  text,
  textMap,
  textOrEmpty,
  wholeNumber,
} from './document.ts';
import { type Fault, pointerOf } from './fault.ts';
import { REPLICAS_MAX } from './policy/limits.ts';
import { renderTarget, targetDocument, targetOf } from './target.ts';

export const LABELS_MAX = 32;
export const ENVIRONMENT_MAX = 128;

export const workloadDocument = strictObject('a workload', {
  id: slug('an id').meta({ examples: ['demo-inference'] }),
  description: textOrEmpty('a description', 1_024).default(''),
  capability: text('a capability', 32)
    .regex(/^[a-z0-9_-]{1,32}$/, { error: 'expected 1 to 32 characters of a-z, 0-9, _ and -' })
    .meta({ description: 'What a node must be able to do to run it.', examples: ['inference'] }),
  labels: textMap('a map of labels', 256).default({}),
  mode: oneOf(MODES)
    .default('observe')
    .meta({ description: 'How far decisions may go; a new workload observes.' }),
  replicasInitial: wholeNumber(0, REPLICAS_MAX)
    .default(1)
    .meta({ description: 'Replicas wanted before any policy has decided.' }),
  target: targetDocument,
}).meta({ id: 'Workload', description: 'What is scaled, and how its replicas are run.' });

/** A workload document with its defaults filled in. */
export type WorkloadDocument = z.output<typeof workloadDocument>;

/**
 * Parses a workload document.
 * @throws SchemaError with every fault
 */
export function parseWorkload(document: unknown): Workload {
  const { target, ...parsed } = parseDocument(workloadDocument, document, crossFaults);
  return { ...parsed, target: targetOf(target) };
}

/** Writes a workload as a document, defaults spelt out. parseWorkload(renderWorkload(w)) equals w. */
export function renderWorkload(workload: Workload): WorkloadDocument {
  const target = renderTarget(workload.target);
  return { ...workload, labels: { ...workload.labels }, target };
}

function crossFaults(read: ReadField): readonly Fault[] {
  return [
    ...keyFaults(read, ['labels'], LABELS_MAX, labelFault),
    ...keyFaults(read, ['target', 'environment'], ENVIRONMENT_MAX, variableFault),
    ...commandFaults(read),
  ];
}

function keyFaults(
  read: ReadField,
  path: readonly string[],
  entriesMax: number,
  faultOf: (key: string) => string | null,
): readonly Fault[] {
  // Read raw: zod drops a key named __proto__ without a word.
  const map = read(path, z.unknown());
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return [];
  const keys = Object.keys(map);
  if (keys.length > entriesMax) {
    const message = `expected at most ${entriesMax} entries; got ${keys.length}`;
    return [{ pointer: pointerOf(path), message }];
  }
  return keys.flatMap((key) => {
    const message = faultOf(key);
    return message === null ? [] : [{ pointer: pointerOf([...path, key]), message }];
  });
}

function labelFault(key: string): string | null {
  return /^[a-z][a-z0-9_]{0,62}$/.test(key)
    ? null
    : 'expected a label name of 1 to 63 characters of a-z, 0-9 and _, a letter first';
}

/** Names whose value is a secret by their look; `…_FILE` says where one is, and is welcome. */
const SECRET = /(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS?)$/i;

function variableFault(key: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(key) || key === '__proto__') {
    return 'expected a variable name of letters, digits and _, at most 128 long';
  }
  if (key === 'PORT') return 'PORT is set by the target, one for each replica';
  if (!SECRET.test(key)) return null;
  return `looks like a secret, and the environment is shown by the API: put it in a file and give ${key}_FILE`;
}

function commandFaults(read: ReadField): readonly Fault[] {
  const first = read(['target', 'command', 0], z.string());
  if (first !== '') return [];
  return [{ pointer: '/target/command/0', message: 'expected a program; got an empty text' }];
}
