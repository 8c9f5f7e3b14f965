/**
 * The scaling target of a workload as operators write it, one shape per kind, turned into the model
 * and back. It refuses what no target could run; whether the command or the image exists is found
 * out by running it.
 */

import { z } from 'zod';
import { TARGET_KINDS } from '../model/workload.ts';
import type {
  DockerTarget,
  KubernetesTarget,
  LocalProcessTarget,
  NomadTarget,
  ScaleTargetSpec,
  WebhookTarget,
} from '../model/workload.ts';
import { unreachable } from '../model/reasons.ts';
import {
  expected,
  list,
  oneOf,
  ratio,
  slug,
  strictObject,
  text,
  textMap,
  textOrEmpty,
  wholeNumber,
} from './document.ts';
import { durationText, parseDuration, renderDuration } from './duration.ts';
import { RECEIVER_URL_LENGTH_MAX, receiverUrlFault } from './receiver-url.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const MIB = 1_048_576;

export const COMMAND_PARTS_MAX = 128;

const httpPath = text('a path such as /metrics', 512).regex(/^\/[^\s#]*$/, {
  error: 'expected a path that begins with / and holds no space and no #',
});

const port = wholeNumber(1, 65_535);

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
  port: port.meta({
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

/** A label of RFC 1123, as Kubernetes wants for namespaces. */
const namespaceName = text('a namespace', 63).regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, {
  error: 'expected 1 to 63 characters of a-z, 0-9 and -, a letter or digit at both ends',
});

const kubernetesDocument = strictObject('a scaling target', {
  kind: oneOf(['kubernetes']),
  apiVersion: text('a group and version', 317)
    .regex(/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?v[a-z0-9]{1,62}$/, {
      error: 'expected a group and version such as apps/v1',
    })
    .default('apps/v1')
    .meta({ description: 'Group and version of what is scaled.' }),
  resource: text('a kind', 63)
    .regex(/^[A-Z][A-Za-z0-9]*$/, { error: 'expected a kind such as Deployment' })
    .default('Deployment')
    .meta({ description: 'Kind of what is scaled; it has a scale subresource.' }),
  namespace: namespaceName,
  name: text('a name', 253).regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, {
    error: 'expected the name of an object: a-z, 0-9, - and ., a letter or digit at both ends',
  }),
  port: port.meta({ description: 'At which each pod serves and is scraped.' }),
  metricsPath: httpPath.default('/metrics'),
}).meta({ description: 'Pods of a resource of Kubernetes, which this plane alone may scale.' });

/** Nomad takes more; these are the names that need no quoting anywhere. */
const nomadName = (what: string, lengthMax: number) =>
  text(what, lengthMax).regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, {
    error: 'expected letters, digits, ., _, / and -, a letter or digit first',
  });

const nomadDocument = strictObject('a scaling target', {
  kind: oneOf(['nomad']),
  namespace: nomadName('a namespace', 128).default('default'),
  region: nomadName('a region', 128)
    .nullable()
    .default(null)
    .meta({ description: 'Null: the region of the agent that is asked.' }),
  jobId: nomadName('the id of a job', 128).meta({ description: 'A service job that runs.' }),
  group: nomadName('a task group', 128).meta({
    description: 'Its task group, whose count is scaled by this plane alone.',
  }),
  portLabel: text('the label of a port', 63)
    .regex(/^[A-Za-z0-9_-]+$/, { error: 'expected letters, digits, _ and -' })
    .meta({
      description: 'Of the group’s port at which each allocation serves and is scraped.',
      examples: ['http'],
    }),
  metricsPath: httpPath.default('/metrics'),
}).meta({ description: 'Allocations of a task group of a Nomad job.' });

const receiverUrl = text('an http:// or https:// URL', RECEIVER_URL_LENGTH_MAX).check((context) => {
  const message = receiverUrlFault(context.value);
  if (message !== null) context.issues.push({ code: 'custom', message, input: context.value });
});

const webhookDocument = strictObject('a scaling target', {
  kind: oneOf(['webhook']),
  url: receiverUrl.meta({
    description: 'http or https; the number is put there, signed, and the replicas are read there.',
  }),
  secret: slug('the name of a secret').meta({
    description: 'Of a file in the members’ directory of webhook secrets.',
  }),
  requestTimeout: durationText(100, MINUTE_MS).default('2s').meta({
    description: 'From one request until the receiver must have answered it.',
  }),
  metricsPath: httpPath.default('/metrics'),
}).meta({ description: 'A receiver of signed requests, which keeps the number that it is told.' });

const DOCUMENTS = [
  localProcessDocument,
  dockerDocument,
  kubernetesDocument,
  nomadDocument,
  webhookDocument,
] as const;

export const targetDocument = z.discriminatedUnion('kind', DOCUMENTS, {
  error: (issue) => {
    const { input } = issue;
    if (typeof input !== 'object' || input === null || Array.isArray(input)) {
      return expected('a scaling target', input);
    }
    const kind: unknown = 'kind' in input ? input.kind : undefined;
    return expected(`one of ${TARGET_KINDS.join(', ')}`, kind);
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
    case 'kubernetes':
      return document satisfies KubernetesTarget;
    case 'nomad':
      return document satisfies NomadTarget;
    case 'webhook': {
      const { requestTimeout, ...rest } = document;
      return { ...rest, requestTimeoutMs: parseDuration(requestTimeout) } satisfies WebhookTarget;
    }
    default:
      return unreachable(document);
  }
}

/** targetOf(renderTarget(t)) equals t, where its memory is whole MiB. */
export function renderTarget(target: ScaleTargetSpec): TargetDocument {
  switch (target.kind) {
    case 'local_process':
      return { kind: target.kind, ...programOf(target) };
    case 'docker': {
      const { kind, image, port, network, memoryBytes, cpus } = target;
      const memoryMib = memoryBytes === null ? null : Math.ceil(memoryBytes / MIB);
      return { kind, image, port, network, memoryMib, cpus, ...programOf(target) };
    }
    case 'kubernetes':
    case 'nomad':
      return { ...target };
    case 'webhook': {
      const { requestTimeoutMs, ...rest } = target;
      return { ...rest, requestTimeout: renderDuration(requestTimeoutMs) };
    }
    default:
      return unreachable(target);
  }
}

function programOf(target: LocalProcessTarget | DockerTarget) {
  return {
    command: [...target.command],
    environment: { ...target.environment },
    readinessPath: target.readinessPath,
    metricsPath: target.metricsPath,
    startTimeout: renderDuration(target.startTimeoutMs),
    stopGrace: renderDuration(target.stopGraceMs),
  };
}

function timesOf(texts: { readonly startTimeout: string; readonly stopGrace: string }) {
  return {
    startTimeoutMs: parseDuration(texts.startTimeout),
    stopGraceMs: parseDuration(texts.stopGrace),
  };
}
