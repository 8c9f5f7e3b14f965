/** Entry of the agent: environment → config → agent → signals. No decisions. */

import { startAgent } from './agent.ts';
import { parseConfig } from './config.ts';
import { logToStderr, messageOf } from './log.ts';

void main();

async function main(): Promise<void> {
  const parsed = parseConfig(process.env);
  if (parsed.kind === 'invalid') {
    for (const problem of parsed.problems) logToStderr('error', 'bad_setting', { problem });
    process.exitCode = 2;
    return;
  }
  try {
    const agent = await startAgent(parsed.config, { log: logToStderr });
    const stop = (): void => void agent.stop().then(() => process.exit(0));
    process.once('SIGTERM', stop).once('SIGINT', stop);
  } catch (error) {
    logToStderr('error', 'start_failed', { detail: messageOf(error) });
    process.exitCode = 1;
  }
}
