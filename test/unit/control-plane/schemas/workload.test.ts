import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MODES } from '../../../../control-plane/model/mode.ts';
import { TARGET_KINDS } from '../../../../control-plane/model/workload.ts';
import type { ScaleTargetSpec, Workload } from '../../../../control-plane/model/workload.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import { parseWorkload, renderWorkload } from '../../../../control-plane/schemas/workload.ts';

const TARGET = { kind: 'local_process', command: ['node', 'demo/workload.ts'] };
const DOCKER = { kind: 'docker', image: 'registry.example/team/server:1.4', port: 8080 };
const KUBERNETES = { kind: 'kubernetes', namespace: 'serving', name: 'llama', port: 8080 };
const NOMAD = { kind: 'nomad', jobId: 'serving/llama', group: 'web', portLabel: 'http' };
const WEBHOOK = { kind: 'webhook', url: 'https://scaler.example/chat', secret: 'scaling' };
const WORKLOAD = { id: 'w', capability: 'inference', target: TARGET };

describe('the workload document', () => {
  it('fills in the defaults; a new workload observes', () => {
    assert.deepEqual(parseWorkload(WORKLOAD), {
      id: 'w',
      description: '',
      capability: 'inference',
      labels: {},
      mode: 'observe',
      replicasInitial: 1,
      target: {
        kind: 'local_process',
        command: ['node', 'demo/workload.ts'],
        environment: {},
        readinessPath: '/readyz',
        metricsPath: '/metrics',
        startTimeoutMs: 30_000,
        stopGraceMs: 10_000,
      },
    } satisfies Workload);
  });

  const wrong: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['a text', 'w', ['']],
    ['nothing in it', {}, ['/id', '/capability', '/target']],
    ['an unknown field', { ...WORKLOAD, replicas: 3 }, ['/replicas']],
    ['an unknown mode', { ...WORKLOAD, mode: 'on' }, ['/mode']],
    ['fewer than no replicas at first', { ...WORKLOAD, replicasInitial: -1 }, ['/replicasInitial']],
    ['a capability in capitals', { ...WORKLOAD, capability: 'GPU' }, ['/capability']],
    [
      'a description with a control character',
      { ...WORKLOAD, description: 'a\u0000' },
      ['/description'],
    ],
    ['a label in capitals', { ...WORKLOAD, labels: { Tier: 'a' } }, ['/labels/Tier']],
    ['a label that is a number', { ...WORKLOAD, labels: { tier: 1 } }, ['/labels/tier']],
    ['labels without end', { ...WORKLOAD, labels: entries(33) }, ['/labels']],
    ['__proto__ as a label', proto('labels'), ['/labels/__proto__']],
    ['another target', target({ kind: 'podman' }), ['/target/kind']],
    ['an empty command', target({ command: [] }), ['/target/command']],
    ['a command as text', target({ command: 'node x' }), ['/target/command']],
    ['no program', target({ command: ['', 'x'] }), ['/target/command/0']],
    ['a NUL in argv', target({ command: ['node', 'a\u0000b'] }), ['/target/command/1']],
    ['a path that is none', target({ readinessPath: 'readyz' }), ['/target/readinessPath']],
    ['a path with a space', target({ metricsPath: '/a b' }), ['/target/metricsPath']],
    ['no time to start', target({ startTimeout: '0s' }), ['/target/startTimeout']],
    ['a bare number', target({ stopGrace: 10 }), ['/target/stopGrace']],
    [
      'a secret',
      target({ environment: { DB_PASSWORD: 'x' } }),
      ['/target/environment/DB_PASSWORD'],
    ],
    ['the port', target({ environment: { PORT: '1' } }), ['/target/environment/PORT']],
    [
      'a variable with a dash',
      target({ environment: { 'A-B': '1' } }),
      ['/target/environment/A-B'],
    ],
  ];
  for (const [what, document, pointers] of wrong) {
    it(`refuses ${what}`, () => {
      assert.deepEqual(pointersOf(document), pointers);
    });
  }

  it('fills in the defaults of a target on a Docker engine', () => {
    assert.deepEqual(parseWorkload({ ...WORKLOAD, target: DOCKER }).target, {
      kind: 'docker',
      image: 'registry.example/team/server:1.4',
      command: [],
      environment: {},
      port: 8080,
      network: 'bridge',
      readinessPath: '/readyz',
      metricsPath: '/metrics',
      startTimeoutMs: 30_000,
      stopGraceMs: 10_000,
      memoryBytes: null,
      cpus: null,
    } satisfies ScaleTargetSpec);
  });

  const wrongDocker: readonly (readonly [string, object, readonly string[]])[] = [
    ['no image', { image: undefined }, ['/target/image']],
    ['an image that is an option', { image: '--privileged' }, ['/target/image']],
    ['an image with a space', { image: 'a b' }, ['/target/image']],
    ['no port', { port: undefined }, ['/target/port']],
    ['port 0', { port: 0 }, ['/target/port']],
    ['the network of the host', { network: 'host' }, ['/target/network']],
    ['the network of another container', { network: 'container:x' }, ['/target/network']],
    ['less memory than the engine gives', { memoryMib: 5 }, ['/target/memoryMib']],
    ['no processor', { cpus: 0 }, ['/target/cpus']],
    ['a port in the environment', { environment: { PORT: '1' } }, ['/target/environment/PORT']],
    ['what no field is named', { privileged: true }, ['/target/privileged']],
    ['no program', { command: [''] }, ['/target/command/0']],
  ];
  for (const [what, change, pointers] of wrongDocker) {
    it(`refuses on a Docker engine ${what}`, () => {
      const document = JSON.parse(
        JSON.stringify({ ...WORKLOAD, target: { ...DOCKER, ...change } }),
      ) as unknown;
      assert.deepEqual(pointersOf(document), pointers);
    });
  }

  const filled: readonly (readonly [object, ScaleTargetSpec])[] = [
    [
      KUBERNETES,
      {
        kind: 'kubernetes',
        apiVersion: 'apps/v1',
        resource: 'Deployment',
        namespace: 'serving',
        name: 'llama',
        port: 8080,
        metricsPath: '/metrics',
      },
    ],
    [
      NOMAD,
      {
        kind: 'nomad',
        namespace: 'default',
        region: null,
        jobId: 'serving/llama',
        group: 'web',
        portLabel: 'http',
        metricsPath: '/metrics',
      },
    ],
    [
      WEBHOOK,
      {
        kind: 'webhook',
        url: 'https://scaler.example/chat',
        secret: 'scaling',
        requestTimeoutMs: 2_000,
        metricsPath: '/metrics',
      },
    ],
  ];
  for (const [document, spec] of filled) {
    it(`fills in the defaults of a target ${spec.kind}`, () => {
      assert.deepEqual(parseWorkload({ ...WORKLOAD, target: document }).target, spec);
    });
  }

  const wrongElsewhere: readonly (readonly [string, object, readonly string[]])[] = [
    ['no namespace', { ...KUBERNETES, namespace: undefined }, ['/target/namespace']],
    ['a namespace in capitals', { ...KUBERNETES, namespace: 'Serving' }, ['/target/namespace']],
    ['a path as a name', { ...KUBERNETES, name: '../secrets' }, ['/target/name']],
    ['a name that ends in a dash', { ...KUBERNETES, name: 'llama-' }, ['/target/name']],
    ['a kind in small letters', { ...KUBERNETES, resource: 'deployments' }, ['/target/resource']],
    ['a version with a path', { ...KUBERNETES, apiVersion: 'apps/v1/x' }, ['/target/apiVersion']],
    ['a group without version', { ...KUBERNETES, apiVersion: 'apps/' }, ['/target/apiVersion']],
    ['a command in a cluster', { ...KUBERNETES, command: ['x'] }, ['/target/command']],
    ['no job', { ...NOMAD, jobId: undefined }, ['/target/jobId']],
    ['a job that is a query', { ...NOMAD, jobId: 'a?b' }, ['/target/jobId']],
    ['a group with a blank', { ...NOMAD, group: 'a b' }, ['/target/group']],
    ['a label with a dot', { ...NOMAD, portLabel: 'a.b' }, ['/target/portLabel']],
    ['a URL of a file', { ...WEBHOOK, url: 'file:///x' }, ['/target/url']],
    ['a password in a URL', { ...WEBHOOK, url: 'https://u:p@x/' }, ['/target/url']],
    ['a metadata service', { ...WEBHOOK, url: 'http://169.254.169.254/' }, ['/target/url']],
    ['a secret by path', { ...WEBHOOK, secret: '../x' }, ['/target/secret']],
    ['no time to answer', { ...WEBHOOK, requestTimeout: '99ms' }, ['/target/requestTimeout']],
    ['too much of it', { ...WEBHOOK, requestTimeout: '61s' }, ['/target/requestTimeout']],
  ];
  for (const [what, change, pointers] of wrongElsewhere) {
    it(`refuses ${what}`, () => {
      const document: unknown = JSON.parse(JSON.stringify({ ...WORKLOAD, target: change }));
      assert.deepEqual(pointersOf(document), pointers);
    });
  }

  it('names the targets that there are', () => {
    assert.throws(
      () => parseWorkload(target({ kind: 'podman' })),
      /expected one of local_process, docker, kubernetes, nomad, webhook; got the text "podman"/,
    );
  });

  it('takes the file of a secret', () => {
    const document = target({ environment: { DB_PASSWORD_FILE: '/run/secrets/db' } });
    assert.deepEqual(pointersOf(document), []);
  });

  it('reports faults of names and of values at once', () => {
    const document = { ...WORKLOAD, labels: { A: 'x', b: 1 }, mode: 'on' };
    assert.deepEqual([...pointersOf(document)].sort(), ['/labels/A', '/labels/b', '/mode']);
  });

  it('parses what it renders to the same workload, whatever its target', () => {
    const kinds = new Set(fc.sample(workloads(), 200).map(({ target: { kind } }) => kind));
    assert.deepEqual([...kinds].sort(), [...TARGET_KINDS].sort());
    fc.assert(
      fc.property(workloads(), (workload) => {
        const rendered = renderWorkload(workload);
        assert.deepEqual(parseWorkload(JSON.parse(JSON.stringify(rendered))), workload);
        assert.deepEqual(renderWorkload(parseWorkload(rendered)), rendered);
      }),
    );
  });
});

function target(change: object): unknown {
  return { ...WORKLOAD, target: { ...TARGET, ...change } };
}

function proto(field: string): unknown {
  return JSON.parse(
    `{"id":"w","capability":"a","${field}":{"__proto__":"x"},"target":${JSON.stringify(TARGET)}}`,
  );
}

function entries(count: number): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`label${n}`, 'x']));
}

function pointersOf(document: unknown): readonly string[] {
  try {
    parseWorkload(document);
  } catch (error) {
    if (error instanceof SchemaError) return error.faults.map(({ pointer }) => pointer);
    throw error;
  }
  return [];
}

/** Targets of what runs elsewhere. */
function elsewhere(metricsPath: fc.Arbitrary<string>) {
  const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);
  return [
    fc.record({
      kind: fc.constant('kubernetes' as const),
      apiVersion: fc.constantFrom('v1', 'apps/v1', 'serving.example.org/v1beta1'),
      resource: fc.constantFrom('Deployment', 'StatefulSet', 'LeaderWorkerSet'),
      namespace: name,
      name,
      port: fc.integer({ min: 1, max: 65_535 }),
      metricsPath,
    }),
    fc.record({
      kind: fc.constant('nomad' as const),
      namespace: name,
      region: fc.option(name),
      jobId: name,
      group: name,
      portLabel: name,
      metricsPath,
    }),
    fc.record({
      kind: fc.constant('webhook' as const),
      url: name.map((host) => `https://${host}.example/scale?v=1`),
      secret: name.filter((text) => text !== 'constructor'),
      requestTimeoutMs: fc.integer({ min: 100, max: 60_000 }),
      metricsPath,
    }),
  ] as const;
}

function workloads(): fc.Arbitrary<Workload> {
  const slug = fc.stringMatching(/^[a-z0-9-]{1,63}$/).filter((text) => text !== 'constructor');
  const plain = fc.stringMatching(/^[ -~]{0,40}$/);
  const path = fc.stringMatching(/^\/[a-z0-9/]{0,30}$/);
  const program = {
    command: fc.array(fc.stringMatching(/^[!-~]{1,20}$/), { minLength: 1, maxLength: 8 }),
    environment: fc.dictionary(fc.stringMatching(/^X_[A-Z0-9]{1,10}_FILE$/), plain, {
      noNullPrototype: true,
    }),
    readinessPath: path,
    metricsPath: path,
    startTimeoutMs: fc.integer({ min: 1_000, max: 3_600_000 }),
    stopGraceMs: fc.integer({ min: 0, max: 3_600_000 }),
  };
  const workload = fc.record({
    id: slug,
    description: plain,
    capability: fc.stringMatching(/^[a-z0-9_-]{1,32}$/),
    labels: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/), plain, {
      noNullPrototype: true,
    }),
    mode: fc.constantFrom(...MODES),
    replicasInitial: fc.integer({ min: 1, max: 100_000 }),
    target: fc.oneof(
      fc.record({ kind: fc.constant('local_process' as const), ...program }),
      fc.record({
        kind: fc.constant('docker' as const),
        ...program,
        image: fc.stringMatching(/^[a-z0-9][a-z0-9./:-]{0,30}$/),
        port: fc.integer({ min: 1, max: 65_535 }),
        network: fc.stringMatching(/^net[a-zA-Z0-9_.-]{0,20}$/),
        memoryBytes: fc.option(fc.integer({ min: 6, max: 65_536 }).map((mib) => mib * 1_048_576)),
        cpus: fc.option(fc.integer({ min: 1, max: 6_400 }).map((hundredths) => hundredths / 100)),
      }),
      ...elsewhere(path),
    ),
  });
  return workload.map((one) => structuredClone(one));
}
