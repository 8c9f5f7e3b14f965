/**
 * The objects of a Kubernetes cluster as its API keeps them: one version counter for all, conflicts
 * on a version that was overtaken, a bounded history for watches, and no change for a write that
 * changes nothing.
 */

export interface ApiObject {
  readonly kind: string;
  readonly apiVersion: string;
  metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    resourceVersion: string;
    readonly creationTimestamp: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    managedFields?: { manager: string; time: string; fieldsV1: unknown }[];
  };
  spec: Record<string, unknown> & { replicas?: number };
  status: Record<string, unknown>;
}

export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** In the plural, e.g. pods. */
  readonly plural: string;
  readonly version: number;
  readonly object: ApiObject;
  /** As it was before; a watch with a selector tells of what has left that. */
  readonly before: ApiObject | null;
}

export class Conflict extends Error {}
export class Missing extends Error {}

export class ObjectStore {
  readonly #objects = new Map<string, ApiObject>();
  readonly #listeners = new Set<(event: StoredEvent) => void>();
  #history: StoredEvent[] = [];
  #version = 100;
  #oldest = 0;
  #made = 0;

  get version(): number {
    return this.#version;
  }

  /** Watches from before now are answered with 410 Gone. */
  compact(): void {
    this.#version += 1;
    this.#oldest = this.#version;
    this.#history = [];
  }

  /** Null: the version is gone. */
  since(version: number): readonly StoredEvent[] | null {
    if (version < this.#oldest) return null;
    return this.#history.filter((event) => event.version > version);
  }

  listen(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  list(plural: string, namespace: string): readonly ApiObject[] {
    return this.#withPrefix(`${plural}/${namespace}/`);
  }

  listAll(plural: string): readonly ApiObject[] {
    return this.#withPrefix(`${plural}/`);
  }

  find(plural: string, namespace: string, name: string): ApiObject | null {
    const object = this.#objects.get(`${plural}/${namespace}/${name}`);
    return object === undefined ? null : structuredClone(object);
  }

  get(plural: string, namespace: string, name: string): ApiObject {
    const object = this.find(plural, namespace, name);
    if (object === null) throw new Missing(`${plural} "${name}" not found`);
    return object;
  }

  create(
    plural: string,
    object: Pick<ApiObject, 'kind' | 'apiVersion' | 'spec' | 'status'>,
    metadata: { name: string; namespace: string; labels?: Record<string, string> },
  ): ApiObject {
    this.#made += 1;
    const made: ApiObject = {
      ...object,
      metadata: {
        ...metadata,
        uid: `uid-${this.#made}`,
        resourceVersion: '',
        // Whole seconds, as the API gives them; one each, so that their order is known.
        creationTimestamp: new Date(1_700_000_000_000 + this.#made * 1_000).toISOString(),
      },
    };
    this.#store('ADDED', plural, made, null);
    return made;
  }

  /** @param expected version that it must be at; null: whichever */
  update(
    plural: string,
    before: Pick<ApiObject, 'metadata'>,
    expected: string | null,
    change: (object: ApiObject) => void,
  ): ApiObject {
    const { namespace, name } = before.metadata;
    const held = this.get(plural, namespace, name);
    if (expected !== null && expected !== held.metadata.resourceVersion) {
      throw new Conflict(
        `Operation cannot be fulfilled on ${plural} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
      );
    }
    const changed = structuredClone(held);
    change(changed);
    if (JSON.stringify(changed) === JSON.stringify(held)) return held;
    this.#store('MODIFIED', plural, changed, held);
    return changed;
  }

  delete(plural: string, namespace: string, name: string): void {
    const held = this.find(plural, namespace, name);
    if (held === null) return;
    this.#objects.delete(`${plural}/${namespace}/${name}`);
    this.#version += 1;
    const object = structuredClone(held);
    object.metadata.resourceVersion = String(this.#version);
    this.#tell({ type: 'DELETED', plural, version: this.#version, object, before: held });
  }

  #withPrefix(prefix: string): readonly ApiObject[] {
    return [...this.#objects]
      .filter(([key]) => key.startsWith(prefix))
      .map(([, object]) => structuredClone(object));
  }

  #store(
    type: 'ADDED' | 'MODIFIED',
    plural: string,
    object: ApiObject,
    before: ApiObject | null,
  ): void {
    this.#version += 1;
    object.metadata.resourceVersion = String(this.#version);
    const { namespace, name } = object.metadata;
    this.#objects.set(`${plural}/${namespace}/${name}`, structuredClone(object));
    this.#tell({ type, plural, version: this.#version, object: structuredClone(object), before });
  }

  #tell(event: StoredEvent): void {
    this.#history.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}
