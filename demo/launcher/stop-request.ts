/**
 * Turns signals and a closed terminal into one request to stop and, when they come again, one to kill.
 * A Ctrl-C reaches a process several times (from the terminal, and forwarded by npm and the bootstrap),
 * so what follows within the blink of an eye is the same request.
 */

import { Socket } from 'node:net';
import process from 'node:process';

export interface StopRequest {
  /** Aborts when somebody wants the end; the reason is an Error that says who. */
  readonly stop: AbortSignal;
  /** Aborts when somebody wants it at once. */
  readonly kill: AbortSignal;
  /** Asks for the end from inside. */
  request(reason: Error): void;
}

const SAME_REQUEST_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * `lifeline`, when given, is the descriptor of a pipe held by the parent: its end means that the
 * parent is gone.
 */
export function listenForStop(lifeline: number | null): StopRequest {
  const stop = new AbortController();
  const kill = new AbortController();
  let requestedAt = 0;
  const request = (reason: Error): void => {
    if (stop.signal.aborted) return;
    requestedAt = performance.now();
    stop.abort(reason);
  };
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (!stop.signal.aborted) request(new Error(signal));
      else if (performance.now() - requestedAt > SAME_REQUEST_MS) kill.abort(new Error(signal));
    });
  }
  // Nobody reads any more (a closed terminal, a closed pipe): there is no reason to go on.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => request(new Error('the output was closed')));
  }
  if (lifeline !== null) watchLifeline(lifeline, () => request(new Error('the parent has gone')));
  return { stop: stop.signal, kill: kill.signal, request };
}

function watchLifeline(descriptor: number, onEnd: () => void): void {
  // A socket and not a file stream: a blocking read in the thread pool would hold up the exit.
  const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
  pipe.on('end', onEnd);
  pipe.on('error', onEnd);
  pipe.resume();
  pipe.unref();
}
