/**
 * What an agent says of its host when it registers, and of itself with each heartbeat. Refuses what
 * Prometheus could not scrape or label with; whether the host exists is for the scrape to find out.
 */

import { z } from 'zod';
import type { Heartbeat, NodeRegistration } from '../model/node.ts';
import { hostPort } from './address.ts';
import {
  list,
  parseDocument,
  type ReadField,
  strictObject,
  text,
  textMap,
  textOrEmpty,
  wholeNumber,
} from './document.ts';
import { type Fault, parseWith, pointerOf } from './fault.ts';
import { capability, nodeId } from './query.ts';

export const CAPABILITIES_MAX = 32;
export const NODE_LABELS_MAX = 32;
export const GPUS_MAX = 64;
export const COLLECTORS_MAX = 64;

const BYTES_MAX = Number.MAX_SAFE_INTEGER;

const LABEL_NAME = /^[A-Za-z][A-Za-z0-9_]{0,62}$/u;

const address = hostPort().meta({
  description: 'Where Prometheus scrapes the agent.',
  examples: ['10.0.4.7:7410'],
});

const gpuInventory = strictObject('a GPU', {
  uuid: text('a GPU’s UUID', 128),
  name: text('a GPU’s name', 128),
  memoryBytes: wholeNumber(0, BYTES_MAX),
});

const inventory = strictObject('an inventory', {
  operatingSystem: textOrEmpty('a name', 128),
  kernel: textOrEmpty('a version', 128),
  architecture: textOrEmpty('a name', 64),
  cpuModel: textOrEmpty('a name', 256),
  cpuCores: wholeNumber(0, 100_000),
  memoryBytes: wholeNumber(0, BYTES_MAX),
  gpus: list(`at most ${GPUS_MAX} GPUs`, gpuInventory, 0, GPUS_MAX),
});

export const nodeRegistration = strictObject('a registration', {
  nodeId,
  hostname: text('a host name', 253),
  address,
  capabilities: list(`at most ${CAPABILITIES_MAX} capabilities`, capability, 0, CAPABILITIES_MAX),
  labels: textMap(`at most ${NODE_LABELS_MAX} labels`, 256).meta({
    description: 'Names of [A-Za-z][A-Za-z0-9_]*; they become labels of the scrape target.',
  }),
  inventory,
  agentVersion: text('a version', 64),
}).meta({
  id: 'NodeRegistration',
  description: 'A host with an agent, as the agent describes it.',
});

const collectorName = text('the name of a collector', 63).regex(/^[a-z0-9_-]+$/u, {
  error: 'expected characters of a-z, 0-9, _ and -',
});

export const heartbeatDocument = strictObject('a heartbeat', {
  failingCollectors: list(`at most ${COLLECTORS_MAX} names`, collectorName, 0, COLLECTORS_MAX).meta(
    { description: 'Collectors whose last run failed; empty when all is well.' },
  ),
  sequence: wholeNumber(0, Number.MAX_SAFE_INTEGER).meta({
    description: 'Counts up from 0 with each start of the agent.',
  }),
}).meta({ id: 'Heartbeat' });

/** @throws SchemaError with every fault */
export function parseNodeRegistration(value: unknown): NodeRegistration {
  return parseDocument(nodeRegistration, value, registrationFaults);
}

/** @throws SchemaError with every fault */
export function parseHeartbeat(value: unknown): Omit<Heartbeat, 'nodeId'> {
  return parseWith(heartbeatDocument, value);
}

function registrationFaults(read: ReadField): readonly Fault[] {
  return [...labelFaults(read), ...duplicateCapabilities(read)];
}

function labelFaults(read: ReadField): readonly Fault[] {
  const names = Object.keys(read(['labels'], z.record(z.string(), z.unknown())) ?? {});
  const faults = names.flatMap((name) =>
    LABEL_NAME.test(name)
      ? []
      : [
          {
            pointer: pointerOf(['labels', name]),
            message: 'not a label name: [A-Za-z][A-Za-z0-9_]*',
          },
        ],
  );
  if (names.length <= NODE_LABELS_MAX) return faults;
  return [
    { pointer: '/labels', message: `at most ${NODE_LABELS_MAX} labels; got ${names.length}` },
  ];
}

function duplicateCapabilities(read: ReadField): readonly Fault[] {
  const given = read(['capabilities'], z.array(z.string()).max(CAPABILITIES_MAX)) ?? [];
  return given.flatMap((name, index) =>
    given.indexOf(name) === index
      ? []
      : [{ pointer: pointerOf(['capabilities', index]), message: `"${name}" is given twice` }],
  );
}
