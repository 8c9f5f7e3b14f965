/**
 * Commands as the payload of log entries: their text (state/command-text.ts) in UTF-8. What is logged
 * is read back before it is accepted, and what was read back is what gets applied: a member and its
 * replay see the very same values, and no caller can change a command after proposing it. Knows
 * nothing of how entries lie on a disk or travel.
 */

import type { Command } from '../../model/command.ts';
import { commandText, parseCommandText } from '../../state/command-text.ts';

export interface EncodedCommand {
  readonly command: Command;
  readonly payload: Uint8Array;
}

/** @throws ShapeError when the command could not be read back: a bug of the proposer. */
export function encodeCommand(command: Command): EncodedCommand {
  const text = commandText(command);
  return { command: parseCommandText(text), payload: Buffer.from(text) };
}

/** @throws ShapeError | NewerFormatError for a payload that no version up to this one wrote. */
export function decodeCommand(payload: Uint8Array): Command {
  return parseCommandText(textOf(payload));
}

/** UTF-8, without a copy of the bytes. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
