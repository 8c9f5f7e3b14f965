/**
 * A command as text, in the log and between members: one JSON object with the command's fields, and
 * before them its `format` where that is not 1 (format.ts says why). Reading is strict: what this
 * program could not apply exactly as its writer would have, it refuses.
 */

import type { Command } from '../model/command.ts';
import { commandShape } from './command-shape.ts';
import { FORMAT_MAX, formatOf } from './format.ts';
import { NewerFormatError, ShapeError, withShape } from './shape.ts';

export function commandText(command: Command): string {
  const format = formatOf(command);
  return JSON.stringify(format === 1 ? command : { format, ...command });
}

/**
 * @throws NewerFormatError for what a newer program wrote; ShapeError for what no program up to this
 * one did.
 */
export function parseCommandText(text: string): Command {
  const { format, fields } = withoutFormat(parseJson(text));
  if (format > FORMAT_MAX) throw new NewerFormatError('the command', format, FORMAT_MAX);
  const command = withShape('command', commandShape, fields);
  if (formatOf(command) !== format) {
    const detail = `${command.kind} is of format ${formatOf(command)}, and says ${format}`;
    throw new ShapeError(`command.format: ${detail}`);
  }
  return command;
}

function withoutFormat(value: unknown): { readonly format: number; readonly fields: unknown } {
  if (typeof value !== 'object' || value === null || !('format' in value)) {
    return { format: 1, fields: value };
  }
  const { format, ...fields } = value;
  if (typeof format === 'number' && Number.isSafeInteger(format) && format > 1) {
    return { format, fields };
  }
  const shown = JSON.stringify(format).slice(0, 80);
  throw new ShapeError(`command.format: ${shown} is not a whole number from 2`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ShapeError('the command is not JSON', { cause });
  }
}
