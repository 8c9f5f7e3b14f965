/**
 * What other members said of themselves, each time they connected: kept while this process runs, also
 * when the member has gone, until it says something else. Of so many members as may connect; the one
 * that was heard longest ago gives way. Nothing is kept of a connection that has proven nothing.
 */

import type { MemberId } from '../../model/configuration.ts';
import type { Session } from './handshake.ts';

const API_URL_BYTES_MAX = 1_024;

interface Told {
  readonly formatMax: number;
  /** Null until it came: it is sent behind the handshake. */
  readonly apiUrl: string | null;
}

export class ToldByMembers {
  readonly #membersMax: number;
  /** Last heard last. */
  readonly #told = new Map<MemberId, Told>();

  constructor(membersMax: number) {
    this.#membersMax = membersMax;
  }

  apiUrl(memberId: MemberId): string | null {
    return this.#told.get(memberId)?.apiUrl ?? null;
  }

  formatMax(memberId: MemberId): number | null {
    return this.#told.get(memberId)?.formatMax ?? null;
  }

  /** The member has connected, or was reached. */
  hello({ peerId, peerFormatMax: formatMax }: Session): void {
    this.#keep(peerId, { formatMax, apiUrl: this.apiUrl(peerId) });
  }

  /** The URL of its API; anything else is not taken. */
  about({ peerId, peerFormatMax: formatMax }: Session, text: string): void {
    if (text.length > API_URL_BYTES_MAX || !isHttpUrl(text)) return;
    this.#keep(peerId, { formatMax: this.formatMax(peerId) ?? formatMax, apiUrl: text });
  }

  #keep(memberId: MemberId, told: Told): void {
    this.#told.delete(memberId);
    this.#told.set(memberId, told);
    const [oldest] = this.#told.keys();
    if (this.#told.size > this.#membersMax && oldest !== undefined) this.#told.delete(oldest);
  }
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:');
}
