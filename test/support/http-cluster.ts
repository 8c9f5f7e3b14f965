/**
 * Several HTTP servers as the members of one cluster: over one state in memory, with a leader that the
 * test names. What a member says and hears over HTTP is real.
 */

import type { HttpLimits } from '../../control-plane/http/limits.ts';
import { createMemoryGroup, createMemoryMembership, type MemoryGroup } from './http-fakes.ts';
import { makeKeys, startTestPlane, type TestKeys, type TestPlane } from './http-plane.ts';

export interface TestCluster {
  readonly group: MemoryGroup;
  /** @throws Error for an id that no member has */
  readonly member: (id: string) => TestPlane;
  /** What the members believe of each other’s API; a test may lie. */
  readonly urls: Map<string, string>;
  readonly lead: (id: string | null) => void;
  /** Stops a member at once; its port refuses from then on. */
  readonly kill: (id: string) => Promise<void>;
  stop(): Promise<void>;
}

export interface TestClusterOptions {
  readonly ids?: readonly string[];
  readonly limits?: Partial<HttpLimits>;
  readonly withKeys?: boolean;
  readonly ca?: string;
}

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const ids = options.ids ?? ['a', 'b', 'c'];
  const group = createMemoryGroup(ids[0]);
  const membership = createMemoryMembership(group, ids);
  const urls = new Map<string, string>();
  const keys: TestKeys | undefined = options.withKeys === true ? makeKeys() : undefined;
  const planes = new Map<string, TestPlane>();
  for (const id of ids) {
    const plane = await startTestPlane({
      limits: { stopGraceMs: 0, ...options.limits },
      member: { id, group, membership, apiUrl: (of) => urls.get(of) ?? null },
      ...(keys !== undefined && { keys }),
      ...(options.ca !== undefined && { ca: options.ca }),
    });
    planes.set(id, plane);
    urls.set(id, `http://127.0.0.1:${plane.port}`);
  }
  return {
    group,
    member: (id) => {
      const found = planes.get(id);
      if (found === undefined) throw new Error(`no member ${id}`);
      return found;
    },
    urls,
    lead: (id) => {
      group.leaderId = id;
      group.term += 1;
    },
    kill: async (id) => {
      await planes.get(id)?.stop();
    },
    stop: async () => {
      await Promise.all([...planes.values()].map((plane) => plane.stop()));
    },
  };
}
