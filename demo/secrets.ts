/** `npm run secrets`: makes the secrets of the stack in containers that are missing, and says where they are. */

import { resolve } from 'node:path';
import process from 'node:process';
import { describeSecrets, ensureSecrets } from './launcher/secrets.ts';

try {
  const report = ensureSecrets(resolve(import.meta.dirname, '..'));
  for (const line of describeSecrets(report)) console.log(line);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
