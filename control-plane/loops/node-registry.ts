/**
 * Keeps the heartbeats of the nodes, in memory and on this member alone: they would drown the log,
 * and after a restart they are back within one interval. From them it derives each node's health.
 * It registers nobody: that is a command.
 */

import { nodeHealth } from '../model/node.ts';
import type { Heartbeat, NodeHealth, NodeHealthLimits } from '../model/node.ts';
import type { Clock } from '../ports/clock.ts';

interface Heard {
  readonly atMonotonicMs: number;
  readonly failingCollectors: readonly string[];
}

export class NodeRegistry {
  readonly #clock: Clock;
  readonly #limits: NodeHealthLimits;
  readonly #heard = new Map<string, Heard>();

  constructor(clock: Clock, limits: NodeHealthLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The caller has checked that the node is registered; this keeps one entry per node. */
  accept(heartbeat: Heartbeat): void {
    this.#heard.set(heartbeat.nodeId, {
      atMonotonicMs: this.#clock.monotonicMs(),
      failingCollectors: heartbeat.failingCollectors,
    });
  }

  /** A node that was never heard on this member ages from the first time that it is asked for. */
  health(nodeId: string): NodeHealth {
    const nowMs = this.#clock.monotonicMs();
    let heard = this.#heard.get(nodeId);
    if (heard === undefined) {
      heard = { atMonotonicMs: nowMs, failingCollectors: [] };
      this.#heard.set(nodeId, heard);
    }
    return nodeHealth(nowMs - heard.atMonotonicMs, heard.failingCollectors, this.#limits);
  }

  /** Begins anew: until now another member heard them. */
  restart(): void {
    this.#heard.clear();
  }

  /** Drops what it holds of nodes that are registered no more. */
  retain(nodeIds: ReadonlySet<string>): void {
    for (const nodeId of this.#heard.keys()) {
      if (!nodeIds.has(nodeId)) this.#heard.delete(nodeId);
    }
  }
}
