/**
 * Which calls bring a workload's containers to the number wanted: pure, so that every order of
 * events can be tried. What lives is kept before what has ended, the older before the newer. A
 * replica that ended keeps its place until its back-off is over and another has been made for it;
 * only then is its container removed, so that nobody who takes over half-way makes a second one.
 */

/** A container of a replica, as the plan needs it. */
export interface PlannedReplica {
  readonly id: string;
  readonly number: number;
  /** Number of the replica whose place it took. */
  readonly replaces: number | null;
  readonly condition: 'created' | 'running' | 'ended';
  /** It could not be started, or was not ready in time: another shall take its place. */
  readonly failed: boolean;
  /** Monotonic time from which one that ended or could not be started may be replaced. */
  readonly replaceAtMs: number;
  /** A call for it is under way, or was when the engine was asked last. */
  readonly busy: boolean;
}

/** A container that is being made and may not be in the list yet. */
export interface MadeReplica {
  readonly number: number;
  readonly replaces: number | null;
}

export type PlannedCall =
  | { readonly kind: 'create'; readonly replaces: PlannedReplica | null }
  | { readonly kind: 'start' | 'stop' | 'remove'; readonly replica: PlannedReplica };

export interface Plan {
  /** Numbers of those that shall go. */
  readonly surplus: ReadonlySet<number>;
  readonly calls: readonly PlannedCall[];
}

/** `replicas` in ascending order of their numbers. */
export function planCalls(
  wanted: number,
  replicas: readonly PlannedReplica[],
  making: readonly MadeReplica[],
  nowMs: number,
): Plan {
  const replaced = new Set(replicas.map((replica) => replica.replaces));
  const beingReplaced = new Set(making.map((made) => made.replaces));
  const live = replicas.filter((replica) => !isOver(replica));
  // The place of one that is being replaced belongs to the one that is being made.
  const over = replicas.filter(
    (one) => isOver(one) && !replaced.has(one.number) && !beingReplaced.has(one.number),
  );
  const keptLive = live.slice(0, wanted);
  const placesLeft = Math.max(0, wanted - keptLive.length - making.length);
  const keptOver = over.slice(0, placesLeft);
  const kept = new Set([...keptLive, ...keptOver].map((replica) => replica.number));
  const calls: PlannedCall[] = [];
  for (const replica of replicas) {
    if (replica.busy || beingReplaced.has(replica.number)) continue;
    const call = kept.has(replica.number) ? tend(replica, nowMs) : end(replica);
    if (call !== null) calls.push(call);
  }
  for (let place = keptOver.length; place < placesLeft; place += 1) {
    calls.push({ kind: 'create', replaces: null });
  }
  const surplus = live.slice(wanted).map((replica) => replica.number);
  return { surplus: new Set(surplus), calls };
}

function isOver({ condition, failed }: PlannedReplica): boolean {
  return condition === 'ended' || (condition === 'created' && failed);
}

function tend(replica: PlannedReplica, nowMs: number): PlannedCall | null {
  if (isOver(replica)) {
    return nowMs >= replica.replaceAtMs ? { kind: 'create', replaces: replica } : null;
  }
  if (replica.condition === 'created') return { kind: 'start', replica };
  return replica.failed ? { kind: 'stop', replica } : null;
}

function end(replica: PlannedReplica): PlannedCall {
  return { kind: replica.condition === 'running' ? 'stop' : 'remove', replica };
}
