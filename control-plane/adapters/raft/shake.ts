/**
 * Carries one side of a handshake over a socket until it is done, refused or broken; says so exactly
 * once and lets go of the socket. Deadlines are the caller's, who destroys the socket.
 */

import type { Duplex } from 'node:stream';

import type { HandshakeStep, Session } from './handshake.ts';

export type HandshakeOutcome =
  | { readonly kind: 'done'; readonly session: Session; readonly rest: Buffer }
  | { readonly kind: 'broken'; readonly detail: string }
  /** `reply` is what the other side is told before it is cut off. */
  | Extract<HandshakeStep, { readonly kind: 'refused' }>;

export function shakeHands(
  socket: Duplex,
  handshake: { receive(chunk: Buffer): HandshakeStep },
  ended: (outcome: HandshakeOutcome) => void,
): void {
  const end = (outcome: HandshakeOutcome): void => {
    socket.off('data', onData);
    socket.off('error', onError);
    socket.off('end', onEnd);
    socket.off('close', onEnd);
    ended(outcome);
  };
  const onError = (error: Error): void => end({ kind: 'broken', detail: error.message });
  const onEnd = (): void => end({ kind: 'broken', detail: 'closed during the handshake' });
  const onData = (chunk: Buffer): void => {
    const step = handshake.receive(chunk);
    switch (step.kind) {
      case 'more':
        if (step.reply !== null) socket.write(step.reply);
        return;
      case 'done':
        if (step.reply !== null) socket.write(step.reply);
        end(step);
        return;
      case 'refused':
        end(step);
        return;
    }
  };
  socket.on('data', onData);
  socket.on('error', onError);
  socket.on('end', onEnd);
  socket.on('close', onEnd);
}
