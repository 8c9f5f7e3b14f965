/**
 * Which replica gets the next request: round robin over the ready ones, leaving out for a moment
 * those that just refused a connection. It knows nothing of load; weights and feedback belong to a
 * balancer, and this is only the demo's front.
 */

export interface ReplicaPool {
  /** Replaces the list of ready replicas (host:port). */
  update(addresses: readonly string[]): void;
  /** The next one, `except` left out; null when there is none. */
  next(nowMs: number, except?: string): string | null;
  /** Leaves the replica out for the set time. */
  eject(address: string, nowMs: number): void;
  size(): number;
}

export function createReplicaPool(ejectMs: number): ReplicaPool {
  let addresses: readonly string[] = [];
  let turn = 0;
  const ejectedUntil = new Map<string, number>();
  return {
    update(latest) {
      addresses = [...latest].sort();
      for (const address of ejectedUntil.keys()) {
        if (!addresses.includes(address)) ejectedUntil.delete(address);
      }
    },
    next(nowMs, except) {
      for (let tried = 0; tried < addresses.length; tried += 1) {
        const address = addresses[turn % addresses.length];
        turn = (turn + 1) % addresses.length;
        if (address === undefined || address === except) continue;
        if ((ejectedUntil.get(address) ?? 0) > nowMs) continue;
        return address;
      }
      return null;
    },
    eject(address, nowMs) {
      if (addresses.includes(address)) ejectedUntil.set(address, nowMs + ejectMs);
    },
    size: () => addresses.length,
  };
}
