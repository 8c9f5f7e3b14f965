/**
 * Which objects an owner scales, by the label that each of them has: one watched list per namespace
 * and kind that this member was given. It says what stands on the objects, and changes nothing.
 */

import type { FencingToken } from '../../model/decision.ts';
import type { Claim } from '../replicas/told.ts';
import type { KubernetesApi } from './api.ts';
import type { ObjectName } from './objects.ts';
import { isSame } from './objects.ts';
import type { FindKind } from './resources.ts';
import { SCALABLE_KINDS } from './settings.ts';
import type {
  KubernetesEvent,
  KubernetesLimits,
  KubernetesSettings,
  ScalableKind,
} from './settings.ts';
import { OWNER_LABEL, scaledObjectSchema } from './told.ts';
import type { ScaledObject } from './told.ts';
import { WatchedList } from './watched-list.ts';

export interface ClaimsOptions {
  readonly api: KubernetesApi;
  readonly kinds: FindKind;
  readonly settings: KubernetesSettings;
  readonly limits: KubernetesLimits;
  readonly tell: (event: KubernetesEvent) => void;
}

export interface ClaimedObject {
  readonly object: ObjectName;
  readonly found: ScaledObject;
  readonly token: FencingToken;
  readonly claim: Claim;
}

interface Place {
  readonly kind: ScalableKind;
  readonly namespace: string;
  readonly list: WatchedList<ScaledObject>;
}

export class Claims {
  readonly #owner: string;
  readonly #places: readonly Place[];

  constructor({ api, kinds, settings, limits, tell }: ClaimsOptions) {
    this.#owner = settings.owner;
    this.#places = settings.namespaces.flatMap((namespace) =>
      (settings.kinds ?? SCALABLE_KINDS).map((kind): Place => {
        const list = new WatchedList({
          api,
          limits,
          schema: scaledObjectSchema,
          asked: async (signal) => {
            const { root, plural } = await kinds(kind, signal);
            const query = { labelSelector: `${OWNER_LABEL}=${settings.owner}` };
            return { root, namespace, resource: plural, query };
          },
          onTrouble: (error, retryInMs) =>
            tell({ kind: 'trouble', workloadId: null, error, retryInMs }),
        });
        return { kind, namespace, list };
      }),
    );
  }

  /** Rejects with KubernetesError when one of the lists cannot be had. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#places.map(({ list }) => list.start(signal)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#places.map(({ list }) => list.close()));
  }

  /** What this owner scales; rejects with KubernetesError where that is not known. */
  async read(): Promise<readonly ClaimedObject[]> {
    const lists = await Promise.all(
      this.#places.map(async (place) => this.#claimedOf(place, await place.list.read())),
    );
    return lists.flat();
  }

  /** The same, as far as it is known without a request. */
  known(): readonly ClaimedObject[] {
    return this.#places.flatMap((place) => this.#claimedOf(place, place.list.current() ?? []));
  }

  saw(object: ObjectName, written: ScaledObject): void {
    const place = this.#places.find(
      ({ kind, namespace }) =>
        isSame({ ...object, ...kind }, object) && namespace === object.namespace,
    );
    place?.list.saw(written);
  }

  /** Whether it lies where this member may scale. */
  covers(object: ObjectName): boolean {
    return this.#places.some(
      ({ kind, namespace }) =>
        isSame({ ...object, ...kind }, object) && namespace === object.namespace,
    );
  }

  /** Those whose annotations make no sense are nobody's: they are left alone until they do. */
  #claimedOf({ kind }: Place, items: readonly ScaledObject[]): readonly ClaimedObject[] {
    return items.flatMap((found) => {
      if (found.told.kind !== 'told') return [];
      const { claim, owner, token } = found.told.told;
      if (claim === null || owner !== this.#owner) return [];
      const { namespace, name } = found;
      return [{ object: { ...kind, namespace, name }, found, token, claim }];
    });
  }
}
