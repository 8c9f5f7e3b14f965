/**
 * Asks the control plane which replicas of a workload are ready. Once known, the list outlives the
 * control plane's absence: a data plane goes on with what it last knew.
 */

export type ReplicaListing =
  | { readonly kind: 'known'; readonly addresses: readonly string[] }
  | { readonly kind: 'unavailable'; readonly detail: string };

export interface PlaneAccess {
  readonly planeUrls: readonly string[];
  /** API key that may read; null where none is asked for. */
  readonly key: string | null;
}

/**
 * Asks the members of a control plane in turn, the one that answered last first, so that one that is
 * away, or hangs, costs its time only once.
 */
export function createReplicaLister(
  { planeUrls, key }: PlaneAccess,
  workloadId: string,
  timeoutMs: number,
): () => Promise<ReplicaListing> {
  let order = [...planeUrls];
  return async () => {
    let listing: ReplicaListing = { kind: 'unavailable', detail: 'no control plane is named' };
    for (const url of order) {
      listing = await readReadyReplicas({ url, key }, workloadId, timeoutMs);
      if (listing.kind === 'unavailable') continue;
      order = [url, ...order.filter((other) => other !== url)];
      break;
    }
    return listing;
  };
}

/** Reads `GET /v1/workloads/{id}`; never rejects. */
async function readReadyReplicas(
  { url, key }: { readonly url: string; readonly key: string | null },
  workloadId: string,
  timeoutMs: number,
): Promise<ReplicaListing> {
  try {
    const response = await fetch(new URL(`/v1/workloads/${workloadId}`, url), {
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body: unknown = await response.json();
    if (!response.ok) return { kind: 'unavailable', detail: `HTTP ${response.status}` };
    const addresses = parseReadyAddresses(body);
    if (addresses === null) return { kind: 'unavailable', detail: 'no list of replicas in it' };
    return { kind: 'known', addresses };
  } catch (error) {
    return { kind: 'unavailable', detail: error instanceof Error ? error.message : String(error) };
  }
}

/** Null when the body has no list `replicas` at all. */
export function parseReadyAddresses(body: unknown): readonly string[] | null {
  const replicas = fieldsOf(body)['replicas'];
  if (!Array.isArray(replicas)) return null;
  return replicas.flatMap((replica: unknown) => {
    const { address, phase } = fieldsOf(replica);
    return phase === 'ready' && typeof address === 'string' ? [address] : [];
  });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
