/**
 * The data instances of one target: who is watched, and what they answered in the reading under
 * way. An instance joins when it is visited, up to the target's maximum, and leaves when a reading
 * is settled without it among the members. Who the members are, is not decided here.
 */

import { formatAddress, parseHostPort } from './redis-endpoint.ts';
import type { CacheTarget, RedisAddress } from './redis-endpoint.ts';
import { createRedisInstance } from './redis-instance.ts';
import type { InstanceReading, RedisInstance, RedisLimits } from './redis-instance.ts';
import { readData } from './redis-questions.ts';
import type { DataReading } from './redis-questions.ts';
import type { ClusterNode } from './redis-replies.ts';

/** Nodes of a cluster that are asked for the list of nodes in one reading. */
const CLUSTER_VIEWS = 3;

export class RedisPool {
  readonly #target: CacheTarget;
  readonly #limits: RedisLimits;
  readonly #instances = new Map<string, RedisInstance<DataReading>>();
  readonly #beyond = new Set<string>();
  #readings = new Map<string, Promise<InstanceReading<DataReading>>>();
  #hearNodes: (nodes: readonly ClusterNode[]) => void = () => undefined;
  #viewsAsked = 0;
  #deadlineMs = 0;

  constructor(target: CacheTarget, limits: RedisLimits) {
    this.#target = target;
    this.#limits = limits;
  }

  /** Instances that the maximum left out in the reading under way. */
  get leftOut(): number {
    return this.#beyond.size;
  }

  /** Begins a reading. `hearNodes` is told what each asked node of a cluster knows, as it answers. */
  begin(deadlineMs: number, hearNodes?: (nodes: readonly ClusterNode[]) => void): void {
    this.#deadlineMs = deadlineMs;
    this.#readings = new Map();
    this.#beyond.clear();
    this.#viewsAsked = 0;
    this.#hearNodes = hearNodes ?? (() => undefined);
    for (const instance of this.#instances.values()) this.#start(instance);
  }

  /** Reads the instance at an announced address, now and from now on. */
  visit(announced: RedisAddress): void {
    const address = this.reachable(announced);
    const key = formatAddress(address);
    const known = this.#instances.get(key);
    if (known === undefined && this.#instances.size >= this.#target.instancesMax) {
      this.#beyond.add(key);
      return;
    }
    const instance = known ?? this.#create(address);
    this.#instances.set(key, instance);
    this.#start(instance);
  }

  /** Where an announced address is reached from here. */
  reachable(announced: RedisAddress): RedisAddress {
    const mapped = this.#target.addressMap[formatAddress(announced)];
    return (mapped === undefined ? null : parseHostPort(mapped)) ?? announced;
  }

  /** Resolves when no reading is outstanding, those that began meanwhile included. */
  async settled(): Promise<void> {
    for (let seen = -1; seen !== this.#readings.size;) {
      seen = this.#readings.size;
      await Promise.all(this.#readings.values());
    }
  }

  /** Settles, forgets who is not among `members` (null: keeps all), and answers by address. */
  async settle(
    members: readonly RedisAddress[] | null,
  ): Promise<readonly InstanceReading<DataReading>[]> {
    await this.settled();
    if (members !== null) this.#keep(members);
    const answers = await Promise.all(this.#readings.values());
    return answers.sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  close(): void {
    for (const instance of this.#instances.values()) instance.close();
  }

  #keep(members: readonly RedisAddress[]): void {
    const stay = new Set(members.map((member) => formatAddress(this.reachable(member))));
    for (const [key, instance] of this.#instances) {
      if (stay.has(key)) continue;
      instance.close();
      this.#instances.delete(key);
      this.#readings.delete(key);
    }
  }

  #start(instance: RedisInstance<DataReading>): void {
    if (this.#readings.has(instance.address)) return;
    const reading = instance.read(this.#deadlineMs).then((outcome) => {
      if (outcome.kind === 'read' && outcome.value.nodes !== null) {
        this.#hearNodes(outcome.value.nodes);
      }
      return { address: instance.address, outcome };
    });
    this.#readings.set(instance.address, reading);
  }

  #create(address: RedisAddress): RedisInstance<DataReading> {
    const cluster = this.#target.kind === 'cluster';
    return createRedisInstance(
      { address, access: this.#target.access },
      (connection) => {
        const nodes = cluster && this.#viewsAsked < CLUSTER_VIEWS;
        if (nodes) this.#viewsAsked += 1;
        return readData(connection, address, { cluster, nodes });
      },
      this.#limits,
    );
  }
}
