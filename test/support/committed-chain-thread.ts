/** The chain of committed entries, kept by a thread of its own. It is given one task at a time. */

import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ClusterLoad } from './cluster-load.ts';
import type { ClusterMember } from './cluster-process.ts';
import type { MemberLog, Place, Write } from './committed-chain.ts';
import type { ChainAnswer, ChainTask } from './committed-chain-worker.ts';

/** What was acknowledged shortly before a gathering may lie in the next log alone. */
const ACKNOWLEDGED_AGAIN = 500;

export class ChainThread {
  readonly #worker = new Worker(new URL('./committed-chain-worker.ts', import.meta.url));
  #gathered = 0;

  /** @throws Error when the log does not agree with what was gathered before */
  async gather(member: ClusterMember, { acknowledged }: ClusterLoad): Promise<void> {
    const places = acknowledged
      .slice(Math.max(0, this.#gathered - ACKNOWLEDGED_AGAIN))
      .flatMap(({ token }): Place[] => (token === null ? [] : [token]));
    this.#gathered = acknowledged.length;
    await this.#ask({ kind: 'gather', log: logOf(member), acknowledged: places });
  }

  /**
   * All members have stopped. Returns how many entries there were, and the writes among them.
   * @throws Error when two members do not agree
   */
  async finish(
    members: readonly ClusterMember[],
  ): Promise<{ readonly length: number; readonly writes: readonly Write[] }> {
    const answer = await this.#ask({ kind: 'finish', logs: members.map(logOf) });
    if (answer.kind !== 'finished') throw new Error(`the thread answered ${answer.kind}`);
    return answer;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(task: ChainTask): Promise<ChainAnswer> {
    return new Promise((resolve, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('message', (answer: ChainAnswer) => {
        this.#worker.off('error', reject);
        if (answer.kind === 'failed') reject(new Error(answer.message));
        else resolve(answer);
      });
      this.#worker.postMessage(task);
    });
  }
}

function logOf({ id, data }: ClusterMember): MemberLog {
  return { memberId: id, directory: join(data, 'log') };
}
