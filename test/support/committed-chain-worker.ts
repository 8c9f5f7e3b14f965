/** A thread of its own for the chain of committed entries: reading logs must not hold up proxies and clocks. */

import { parentPort } from 'node:worker_threads';
import { CommittedChain } from './committed-chain.ts';
import type { MemberLog, Place, Write } from './committed-chain.ts';

export type ChainTask =
  | { readonly kind: 'gather'; readonly log: MemberLog; readonly acknowledged: readonly Place[] }
  | { readonly kind: 'finish'; readonly logs: readonly MemberLog[] };

export type ChainAnswer =
  | { readonly kind: 'gathered'; readonly length: number }
  | { readonly kind: 'finished'; readonly length: number; readonly writes: readonly Write[] }
  | { readonly kind: 'failed'; readonly message: string };

const chain = new CommittedChain();

async function answerTo(task: ChainTask): Promise<ChainAnswer> {
  switch (task.kind) {
    case 'gather':
      await chain.gather(task.log, task.acknowledged);
      return { kind: 'gathered', length: chain.length };
    case 'finish':
      await chain.finish(task.logs);
      return { kind: 'finished', length: chain.length, writes: chain.writes };
  }
}

parentPort?.on('message', (task: ChainTask) => {
  answerTo(task).then(
    (answer) => parentPort?.postMessage(answer),
    (error: unknown) => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      parentPort?.postMessage({ kind: 'failed', message } satisfies ChainAnswer);
    },
  );
});
