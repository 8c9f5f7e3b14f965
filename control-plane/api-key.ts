/**
 * Makes an API key: appends its hash to the key file and prints the key, once.
 *   node control-plane/api-key.ts --name ops --role operator --file keys.yaml
 * It refuses a name that the file has already, and to append to a file that it cannot read.
 */

import { appendFile, readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { createKey, parseApiKeys, type Role, ROLES } from './http/api-keys.ts';

const USAGE = `usage: node control-plane/api-key.ts --name <name> --role <${ROLES.join('|')}> --file <path>`;

try {
  const { name, role, file } = readArguments();
  const before = await readIfThere(file);
  const { key, line } = createKey(name, role, Date.now());
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  parseApiKeys(`${before}${gap}${line}`);
  await appendFile(file, `${gap}${line}`, { mode: 0o600, flush: true });
  process.stdout.write(`${key}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function readArguments(): { name: string; role: Role; file: string } {
  const { values } = parseArgs({
    options: { name: { type: 'string' }, role: { type: 'string' }, file: { type: 'string' } },
  });
  const role = ROLES.find((known) => known === values.role);
  if (values.name === undefined || values.file === undefined || role === undefined) {
    throw new Error(USAGE);
  }
  return { name: values.name, role, file: values.file };
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
