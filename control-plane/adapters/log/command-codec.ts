/**
 * Commands as the payload of log entries: JSON in UTF-8. What is logged is read back before it is
 * accepted, and what was read back is what gets applied: a member and its replay see the very same
 * values, and no caller can change a command after proposing it.
 */

import type { Command } from '../../model/command.ts';
import { commandShape } from '../../state/command-shape.ts';
import { withShape } from '../../state/shape.ts';

export interface EncodedCommand {
  readonly command: Command;
  readonly payload: Buffer;
}

/** @throws ShapeError when the command could not be read back: a bug of the proposer. */
export function encodeCommand(command: Command): EncodedCommand {
  const text = JSON.stringify(command);
  return { command: parse(text), payload: Buffer.from(text) };
}

/** @throws ShapeError | SyntaxError for a payload that no version up to this one wrote. */
export function decodeCommand(payload: Uint8Array): Command {
  return parse(
    Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'),
  );
}

function parse(text: string): Command {
  return withShape('command', commandShape, JSON.parse(text));
}
