/**
 * Which groups an owner scales, as the variables say that were written of them: their list is followed
 * by a blocking query, and a variable is read when its index has moved. It changes nothing.
 */

import type { GroupName } from './groups.ts';
import type { NomadEvent, NomadLimits } from './settings.ts';
import { pathOf } from './told.ts';
import type { Claim, StoredTold, ToldIndexes, ToldVariables } from './told.ts';
import { WatchedQuery } from './watched-query.ts';

export interface ClaimedGroup {
  readonly group: GroupName;
  readonly stored: StoredTold;
  readonly claim: Claim;
}

export interface ClaimsOptions {
  readonly variables: ToldVariables;
  readonly owner: string;
  readonly limits: NomadLimits;
  readonly tell: (event: NomadEvent) => void;
}

export class Claims {
  readonly #variables: ToldVariables;
  readonly #owner: string;
  readonly #list: WatchedQuery<ToldIndexes>;
  #stored = new Map<string, StoredTold>();

  constructor({ variables, owner, limits, tell }: ClaimsOptions) {
    this.#variables = variables;
    this.#owner = owner;
    this.#list = new WatchedQuery({
      limits,
      ask: (blocking, signal) => variables.list(blocking, signal),
      onTrouble: (error, retryInMs) =>
        tell({ kind: 'trouble', workloadId: null, error, retryInMs }),
    });
  }

  /** Rejects with NomadError when they cannot be listed or read. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#list.start();
    await this.read(signal);
  }

  close(): Promise<void> {
    return this.#list.close();
  }

  /** What this owner scales; rejects with NomadError where that is not known. */
  async read(signal: AbortSignal): Promise<readonly ClaimedGroup[]> {
    const indexes = await this.#list.read();
    const held = this.#stored;
    const read = await Promise.all(
      Object.entries(indexes).map(async ([path, index]) => {
        const known = held.get(path);
        if (known !== undefined && known.modifyIndex >= index) return [path, known] as const;
        return [path, await this.#variables.read(path, signal)] as const;
      }),
    );
    const stored = new Map(read.flatMap(([path, one]) => (one === null ? [] : [[path, one]])));
    // What was written meanwhile is newer than what was read.
    for (const [path, one] of this.#stored) {
      if (one !== held.get(path) || (stored.get(path)?.modifyIndex ?? Infinity) < one.modifyIndex) {
        stored.set(path, one);
      }
    }
    this.#stored = stored;
    return this.#own(stored.values());
  }

  /** The same, as far as it is known without a request. */
  known(): readonly ClaimedGroup[] {
    const indexes = this.#list.current() ?? {};
    const stored = Object.entries(indexes).flatMap(([path, index]) => {
      const one = this.#stored.get(path);
      return one !== undefined && one.modifyIndex >= index ? [one] : [];
    });
    return this.#own(stored);
  }

  saw(stored: StoredTold): void {
    const path = pathOf(stored.told.group);
    this.#stored = new Map(this.#stored).set(path, stored);
    this.#list.needs(stored.modifyIndex);
  }

  #own(stored: Iterable<StoredTold>): readonly ClaimedGroup[] {
    return [...stored].flatMap((one) => {
      const { claim, group, owner } = one.told;
      return claim === null || owner !== this.#owner ? [] : [{ group, stored: one, claim }];
    });
  }
}
