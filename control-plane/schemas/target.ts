/**
 * The scaling target of a workload as operators write it, one shape per kind, turned into the model
 * and back. It refuses what no target could run; whether the command or the image exists is found
 * out by running it.
 */

import { z } from 'zod';
import type { DockerTarget, LocalProcessTarget, ScaleTargetSpec } from '../model/workload.ts';
import { unreachable } from '../model/reasons.ts';
import {
  expected,
  list,
  oneOf,
  ratio,
  strictObject,
  text,
  textMap,
  textOrEmpty,
  wholeNumber,
} from './document.ts';
import { durationText, parseDuration, renderDuration } from './duration.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const MIB = 1_048_576;

export const COMMAND_PARTS_MAX = 128;

const httpPath = text('a path such as /metrics', 512).regex(/^\/[^\s#]*$/, {
  error: 'expected a path that begins with / and holds no space and no #',
});

const argvPart = textOrEmpty('a text', 4_096);

/** What every kind of target that runs programs has. */
const program = {
  environment: textMap('a map of environment variables', 4_096)
    .default({})
    .meta({ description: 'Shown by the API: no secrets, name files that hold them.' }),
  readinessPath: httpPath.default('/readyz'),
  metricsPath: httpPath.default('/metrics'),
  startTimeout: durationText(SECOND_MS, HOUR_MS).default('30s'),
  stopGrace: durationText(0, HOUR_MS).default('10s'),
};

const localProcessDocument = strictObject('a scaling target', {
  kind: oneOf(['local_process']),
  command: list('argv, 1 to 128 texts', argvPart, 1, COMMAND_PARTS_MAX).meta({
    description: 'argv of one replica; it listens on 127.0.0.1 at the port in PORT.',
    examples: [['node', 'demo/workload.ts']],
  }),
  ...program,
}).meta({ description: 'Replicas as processes on the host of the member that leads.' });

/** A reference as the engine takes it: registry, path, tag, digest; or an id. */
const imageName = text('the name of an image', 512)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/-]*$/, {
    error: 'expected the name of an image such as registry.example/team/server:1.4',
  })
  .meta({
    description: 'An image that the engine has; nothing is pulled.',
    examples: ['registry.example/team/server:1.4'],
  });

const networkName = text('the name of a network', 128)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, {
    error: 'expected the name of a network: letters, digits, _, . and -, a letter or digit first',
  })
  .refine((name) => !['host', 'none'].includes(name), {
    error: 'gives replicas no address of their own; name a bridge or overlay network',
  });

const dockerDocument = strictObject('a scaling target', {
  kind: oneOf(['docker']),
  image: imageName,
  command: list('argv, at most 128 texts', argvPart, 0, COMMAND_PARTS_MAX)
    .default([])
    .meta({ description: 'argv that takes the place of the image’s own command; empty keeps it.' }),
  port: wholeNumber(1, 65_535).meta({
    description: 'At which a replica listens inside its container; told to it in PORT.',
  }),
  network: networkName.default('bridge').meta({
    description: 'Network of the engine on which members and Prometheus reach the replicas.',
  }),
  memoryMib: wholeNumber(6, MIB)
    .nullable()
    .default(null)
    .meta({ description: 'Most memory of one replica, in MiB; null: no limit.' }),
  cpus: ratio(0.01, 1_024)
    .nullable()
    .default(null)
    .meta({ description: 'Most CPU time of one replica, in cores; null: no limit.' }),
  ...program,
}).meta({ description: 'Replicas as containers of a Docker Engine.' });

export const targetDocument = z.discriminatedUnion('kind', [localProcessDocument, dockerDocument], {
  error: (issue) => {
    const { input } = issue;
    if (typeof input !== 'object' || input === null || Array.isArray(input)) {
      return expected('a scaling target', input);
    }
    return expected('one of local_process, docker', 'kind' in input ? input.kind : undefined);
  },
});

type TargetDocument = z.output<typeof targetDocument>;

/** A parsed document as the model has it. */
export function targetOf(document: TargetDocument): ScaleTargetSpec {
  switch (document.kind) {
    case 'local_process': {
      const { startTimeout, stopGrace, ...rest } = document;
      return { ...rest, ...timesOf({ startTimeout, stopGrace }) } satisfies LocalProcessTarget;
    }
    case 'docker': {
      const { startTimeout, stopGrace, memoryMib, ...rest } = document;
      const memoryBytes = memoryMib === null ? null : memoryMib * MIB;
      const times = timesOf({ startTimeout, stopGrace });
      return { ...rest, ...times, memoryBytes } satisfies DockerTarget;
    }
    default:
      return unreachable(document);
  }
}

/** targetOf(renderTarget(t)) equals t, where its memory is whole MiB. */
export function renderTarget(target: ScaleTargetSpec): TargetDocument {
  const { startTimeoutMs, stopGraceMs } = target;
  const common = {
    command: [...target.command],
    environment: { ...target.environment },
    readinessPath: target.readinessPath,
    metricsPath: target.metricsPath,
    startTimeout: renderDuration(startTimeoutMs),
    stopGrace: renderDuration(stopGraceMs),
  };
  switch (target.kind) {
    case 'local_process':
      return { kind: target.kind, ...common };
    case 'docker': {
      const { kind, image, port, network, memoryBytes, cpus } = target;
      const memoryMib = memoryBytes === null ? null : Math.ceil(memoryBytes / MIB);
      return { kind, image, port, network, memoryMib, cpus, ...common };
    }
    default:
      return unreachable(target);
  }
}

function timesOf(texts: { readonly startTimeout: string; readonly stopGrace: string }) {
  return {
    startTimeoutMs: parseDuration(texts.startTimeout),
    stopGraceMs: parseDuration(texts.stopGrace),
  };
}
