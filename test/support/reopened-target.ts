/** A scale target that is opened again over what the one before has left, as a contract of targets needs it. */

import type { StartableTarget } from '../../control-plane/adapters/replicas/startable.ts';

export type StoppableTarget = Omit<StartableTarget<[]>, 'start'>;

export interface Reopened {
  readonly target: StoppableTarget;
  restart(): Promise<StoppableTarget>;
  close(): Promise<void>;
}

/**
 * @param open starts one
 * @param dispose ends what it runs over, after the last one has stopped
 */
export async function reopened(
  open: () => Promise<StoppableTarget>,
  dispose: () => Promise<void>,
): Promise<Reopened> {
  const first = await open();
  let target = first;
  return {
    target: first,
    async restart() {
      await target.stop();
      target = await open();
      return target;
    },
    async close() {
      await target.stop();
      await dispose();
    },
  };
}
