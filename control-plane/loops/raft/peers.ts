/**
 * Whom the transport keeps connections to: the members of the configuration in force. One that left
 * is spoken to for a while longer, or it would never hear that its removal is committed, and a leader
 * that is being removed would not hear the answers that commit it.
 */

import { membersOf } from '../../model/configuration.ts';
import type { Configuration, MemberId } from '../../model/configuration.ts';

export class Peers {
  readonly #memberId: MemberId;
  readonly #farewellMs: number;
  readonly #connect: (peers: ReadonlyMap<MemberId, string>) => void;
  #configuration: Configuration | null = null;
  #addresses = new Map<MemberId, string>();
  /** Who left: until when, monotonic. */
  readonly #leaving = new Map<MemberId, number>();

  constructor(
    memberId: MemberId,
    farewellMs: number,
    connect: (peers: ReadonlyMap<MemberId, string>) => void,
  ) {
    this.#memberId = memberId;
    this.#farewellMs = farewellMs;
    this.#connect = connect;
  }

  /** Often, and whenever the configuration changed, was rolled back too. */
  follow(configuration: Configuration, nowMs: number): void {
    const changed = configuration !== this.#configuration;
    if (!changed && this.#leaving.size === 0) return;
    this.#configuration = configuration;
    const addresses = new Map<MemberId, string>();
    for (const id of membersOf(configuration)) {
      const address = configuration.addresses[id] ?? '';
      if (id !== this.#memberId && address !== '') addresses.set(id, address);
    }
    for (const [id, address] of this.#addresses) {
      if (addresses.has(id)) {
        this.#leaving.delete(id);
        continue;
      }
      const until = this.#leaving.get(id) ?? nowMs + this.#farewellMs;
      if (until <= nowMs) {
        this.#leaving.delete(id);
        continue;
      }
      this.#leaving.set(id, until);
      addresses.set(id, address);
    }
    if (sameEntries(addresses, this.#addresses)) return;
    this.#addresses = addresses;
    this.#connect(addresses);
  }
}

function sameEntries(
  left: ReadonlyMap<string, string>,
  right: ReadonlyMap<string, string>,
): boolean {
  if (left.size !== right.size) return false;
  return [...left].every(([key, value]) => right.get(key) === value);
}
