/**
 * An API server of Kubernetes as far as scaling needs one, over real HTTP: discovery, objects with
 * versions and conflicts, merge patches, the scale subresource, paged lists, watches with bookmarks
 * and 410 Gone, RBAC, and bearer tokens. Behind it a controller runs pods that exist on paper alone.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runController } from './fake-kubernetes-controller.ts';
import type { Controller } from './fake-kubernetes-controller.ts';
import { Conflict, Missing, ObjectStore } from './fake-kubernetes-store.ts';
import type { ApiObject, StoredEvent } from './fake-kubernetes-store.ts';
import { FakeServer } from './fake-server.ts';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** As RBAC names it, e.g. `update deployments/scale`. */
  readonly access: string;
}

export interface FakeKubernetesOptions {
  /** Awaited before each request is looked at: a test may hold it back, or count it. */
  readonly onRequest?: (request: SeenRequest) => Promise<void> | void;
  /** Of the server; plain HTTP when absent. */
  readonly serve?: (listener: RequestListener) => Server;
  readonly token?: string;
  /** Bookmarks are sent that often to whoever watches, in ms. */
  readonly bookmarkMs?: number;
}

const PLURALS: Readonly<Record<string, string>> = {
  deployments: 'Deployment',
  statefulsets: 'StatefulSet',
  horizontalpodautoscalers: 'HorizontalPodAutoscaler',
  pods: 'Pod',
};

export class FakeKubernetes {
  readonly store = new ObjectStore();
  readonly controller: Controller;
  readonly requests: SeenRequest[] = [];
  /** e.g. `patch deployments`: answered with 403. */
  readonly forbidden = new Set<string>();
  token: string;
  /** While true nothing is sent to those who watch, and their connections stay open. */
  muted = false;
  /** While true each request is answered with 500. */
  broken = false;
  readonly #options: FakeKubernetesOptions;
  readonly #server: FakeServer;
  readonly #watches = new Set<ServerResponse>();
  readonly #files: string[] = [];

  constructor(options: FakeKubernetesOptions = {}) {
    this.#options = options;
    this.token = options.token ?? 'sesame';
    this.controller = runController(this.store, ['deployments', 'statefulsets']);
    this.#server = new FakeServer(options.serve, (request, response) =>
      this.#answer(request, response),
    );
  }

  listen(): Promise<void> {
    return this.#server.listen();
  }

  get port(): number {
    return this.#server.port;
  }

  addDeployment(namespace: string, name: string, replicas: number): void {
    const selector = { matchLabels: { app: name } };
    this.store.create(
      'deployments',
      { kind: 'Deployment', apiVersion: 'apps/v1', spec: { replicas, selector }, status: {} },
      { namespace, name },
    );
  }

  addAutoscaler(namespace: string, name: string, deployment: string): void {
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment };
    this.store.create(
      'horizontalpodautoscalers',
      {
        ...{ kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v2' },
        ...{ spec: { scaleTargetRef }, status: {} },
      },
      { namespace, name },
    );
  }

  /** As `kubectl scale` does it. */
  scaleBy(manager: string, namespace: string, name: string, replicas: number): void {
    const found = this.store.get('deployments', namespace, name);
    this.store.update('deployments', found, null, (object) => scaled(object, replicas, manager));
  }

  replicasOf(namespace: string, name: string): number {
    return this.store.get('deployments', namespace, name).spec.replicas ?? 1;
  }

  /** Ends all watches, as a restart of the API server does. */
  dropWatches(): void {
    for (const response of this.#watches) response.destroy();
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** Path of a kubeconfig that leads here; more of its cluster and user as a test needs it. */
  async writeKubeconfig(
    cluster: Record<string, unknown> = {},
    user: Record<string, unknown> = { token: this.token },
  ): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-kubeconfig-'));
    this.#files.push(directory);
    const server = `http://127.0.0.1:${this.port}`;
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'fake' },
      clusters: [
        { name: 'fake', cluster: { server, 'insecure-skip-tls-verify': true, ...cluster } },
      ],
      users: [{ name: 'member', user }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'member' } }],
    };
    const path = join(directory, 'config');
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  /** From now on what comes waits, until the function that it answers with is called. */
  stall(): () => void {
    return this.#server.stall();
  }

  async close(): Promise<void> {
    this.controller.stop();
    await this.#server.close();
    for (const file of this.#files) await rm(file, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const asked = askedOf(request.method ?? 'GET', url);
    const body = await bodyOf(request);
    this.requests.push(asked);
    await this.#server.gate;
    await this.#options.onRequest?.(asked);
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      fail(response, 401, 'Unauthorized');
    } else if (this.broken) {
      fail(response, 500, 'etcdserver: request timed out');
    } else if (this.forbidden.has(asked.access)) {
      fail(response, 403, `${asked.access} is forbidden: User "member" cannot do that`);
    } else {
      this.#serve(asked, url, { body, type: request.headers['content-type'] ?? '' }, response);
    }
  }

  #serve(
    asked: SeenRequest,
    url: URL,
    { body, type }: { readonly body: string; readonly type: string },
    response: ServerResponse,
  ): void {
    const parts = url.pathname.split('/').filter((part) => part !== '');
    const inNamespace = parts.indexOf('namespaces');
    try {
      if (inNamespace === -1) {
        this.#discover(url.pathname, response);
        return;
      }
      const [namespace = '', plural = '', name, subresource] = parts.slice(inNamespace + 1);
      if (!(plural in PLURALS))
        throw new Missing('the server could not find the requested resource');
      if (name === undefined) this.#collection(asked, plural, namespace, response);
      else if (subresource === 'scale') {
        this.#scale(asked, { plural, namespace, name }, body, response);
      } else this.#object(asked, { plural, namespace, name }, { body, type }, response);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof Conflict) fail(response, 409, message);
      else fail(response, error instanceof Missing ? 404 : 400, message);
    }
  }

  #discover(path: string, response: ServerResponse): void {
    if (path !== '/apis/apps/v1')
      throw new Missing('the server could not find the requested resource');
    const resources = [
      { name: 'controllerrevisions', kind: 'ControllerRevision', namespaced: true },
      { name: 'deployments', kind: 'Deployment', namespaced: true },
      { name: 'deployments/scale', kind: 'Scale', namespaced: true },
      { name: 'deployments/status', kind: 'Deployment', namespaced: true },
      { name: 'statefulsets', kind: 'StatefulSet', namespaced: true },
      { name: 'statefulsets/scale', kind: 'Scale', namespaced: true },
    ];
    send(response, { kind: 'APIResourceList', groupVersion: 'apps/v1', resources });
  }

  #object(
    asked: SeenRequest,
    { plural, namespace, name }: { plural: string; namespace: string; name: string },
    { body, type }: { readonly body: string; readonly type: string },
    response: ServerResponse,
  ): void {
    const found = this.store.get(plural, namespace, name);
    if (asked.method === 'GET') {
      send(response, found);
      return;
    }
    if (asked.method !== 'PATCH' || type !== 'application/merge-patch+json') {
      throw new Error(`the body of the request was in an unknown format - ${type}`);
    }
    const patch = JSON.parse(body) as { metadata: Record<string, unknown> };
    const expected = patch.metadata['resourceVersion'];
    const changed = this.store.update(
      plural,
      found,
      typeof expected === 'string' ? expected : null,
      (object) => {
        const { labels, annotations } = patch.metadata;
        object.metadata.labels = merged(object.metadata.labels, labels);
        object.metadata.annotations = merged(object.metadata.annotations, annotations);
      },
    );
    send(response, changed);
  }

  #scale(
    asked: SeenRequest,
    { plural, namespace, name }: { plural: string; namespace: string; name: string },
    body: string,
    response: ServerResponse,
  ): void {
    const found = this.store.get(plural, namespace, name);
    if (asked.method === 'GET') {
      send(response, scaleOf(found));
      return;
    }
    const scale = JSON.parse(body) as {
      metadata: { resourceVersion?: string };
      spec: { replicas: number };
    };
    const changed = this.store.update(
      plural,
      found,
      scale.metadata.resourceVersion ?? null,
      (object) => scaled(object, scale.spec.replicas, asked.query.get('fieldManager') ?? 'unknown'),
    );
    send(response, scaleOf(changed));
  }

  #collection(
    { query }: SeenRequest,
    plural: string,
    namespace: string,
    response: ServerResponse,
  ): void {
    const selects = selectorOf(query.get('labelSelector') ?? '');
    if (query.get('watch') === 'true') {
      const of = (event: StoredEvent) =>
        event.plural === plural && event.object.metadata.namespace === namespace
          ? selected(event, selects)
          : null;
      this.#watch(query, of, response);
      return;
    }
    const items = this.store.list(plural, namespace).filter(selects);
    const offset = Number(query.get('continue') ?? '0');
    const end = offset + Number(query.get('limit') ?? '500');
    send(response, {
      kind: `${PLURALS[plural] ?? ''}List`,
      metadata: {
        resourceVersion: String(this.store.version),
        ...(end < items.length && { continue: String(end) }),
      },
      items: items.slice(offset, end),
    });
  }

  #watch(
    query: URLSearchParams,
    of: (event: StoredEvent) => { type: string; object: unknown } | null,
    response: ServerResponse,
  ): void {
    // Whoever was held back too long has gone.
    if (response.destroyed || response.closed) return;
    const missed = this.store.since(Number(query.get('resourceVersion') ?? '0'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const write = (event: unknown): void => {
      if (!this.muted) response.write(`${JSON.stringify(event)}\n`);
    };
    if (missed === null) {
      const status = {
        kind: 'Status',
        code: 410,
        reason: 'Expired',
        message: 'too old resource version',
      };
      response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
      return;
    }
    const tell = (event: StoredEvent): void => {
      const told = of(event);
      if (told !== null) write(told);
    };
    for (const event of missed) tell(event);
    const stopListening = this.store.listen(tell);
    const bookmark = (): void => {
      const metadata = { resourceVersion: String(this.store.version) };
      write({ type: 'BOOKMARK', object: { metadata } });
    };
    const bookmarks = setInterval(bookmark, this.#options.bookmarkMs ?? 60_000);
    const end = setTimeout(
      () => {
        if (!this.muted) response.end();
      },
      Number(query.get('timeoutSeconds') ?? '60') * 1_000,
    );
    this.#watches.add(response);
    response.once('close', () => {
      this.#watches.delete(response);
      stopListening();
      clearInterval(bookmarks);
      clearTimeout(end);
    });
  }
}

export async function startFakeKubernetes(
  options?: FakeKubernetesOptions,
): Promise<FakeKubernetes> {
  const fake = new FakeKubernetes(options);
  await fake.listen();
  return fake;
}

function askedOf(method: string, url: URL): SeenRequest {
  const parts = url.pathname.split('/').filter((part) => part !== '');
  const inNamespace = parts.indexOf('namespaces');
  const [, plural = '', name, subresource] = inNamespace === -1 ? [] : parts.slice(inNamespace + 1);
  const reading = url.searchParams.get('watch') === 'true' ? 'watch' : 'list';
  const verbs: Readonly<Record<string, string>> = { PUT: 'update', PATCH: 'patch' };
  const verb = verbs[method] ?? (name === undefined ? reading : 'get');
  const access = `${verb} ${[plural, subresource].filter((part) => part !== undefined).join('/')}`;
  return { method, path: url.pathname, query: url.searchParams, access };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function fail(response: ServerResponse, code: number, message: string): void {
  send(response, { kind: 'Status', status: 'Failure', code, message }, code);
}

function scaled(object: ApiObject, replicas: number, manager: string): void {
  if (object.spec.replicas === replicas) return;
  object.spec.replicas = replicas;
  const entry = {
    manager,
    time: new Date().toISOString(),
    fieldsV1: { 'f:spec': { 'f:replicas': {} } },
  };
  object.metadata.managedFields = [entry];
}

function scaleOf(object: ApiObject): unknown {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    ...{ kind: 'Scale', apiVersion: 'autoscaling/v1' },
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    // The API leaves out a number that is zero.
    spec: object.spec.replicas === 0 ? {} : { replicas: object.spec.replicas ?? 1 },
    status: { replicas: object.status['replicas'] ?? 0, selector: `app=${name}` },
  };
}

function merged(held: Record<string, string> | undefined, patch: unknown): Record<string, string> {
  const result = { ...held };
  for (const [key, value] of Object.entries((patch ?? {}) as Record<string, string | null>)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = value;
  }
  return result;
}

function selectorOf(text: string): (object: ApiObject) => boolean {
  const terms = text.split(',').filter((term) => term !== '');
  return ({ metadata }) =>
    terms.every((term) => {
      const [key = '', value = ''] = term.split('=');
      return metadata.labels?.[key] === value;
    });
}

/** To a watch with a selector, what comes to match it is added, and what leaves it is deleted. */
function selected(
  { type, object, before }: StoredEvent,
  selects: (object: ApiObject) => boolean,
): { type: string; object: unknown } | null {
  const did = before !== null && selects(before);
  const does = type !== 'DELETED' && selects(object);
  if (does) return { type: did ? 'MODIFIED' : 'ADDED', object };
  return did ? { type: 'DELETED', object } : null;
}
