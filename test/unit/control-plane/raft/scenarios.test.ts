/**
 * The scenario scripts in test/golden/raft: each command is followed by the trace that it gave. With
 * UPDATE_GOLDEN=1 the traces are written anew; the diff is to be read before it is kept.
 */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Scenario } from '../../../support/raft-scenario.ts';

const DIRECTORY = join(import.meta.dirname, '..', '..', '..', 'golden', 'raft');
const names = readdirSync(DIRECTORY).filter((name) => name.endsWith('.txt'));

describe('Raft scenarios', () => {
  it('are there', () => {
    assert(names.length >= 12, `${names.length} scenarios`);
  });
  for (const name of names) {
    const path = join(DIRECTORY, name);
    const text = readFileSync(path, 'utf8');
    it(text.split('\n')[0]?.replace(/^# /, '') ?? name, () => {
      const played = play(text);
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, played);
      else assert.equal(played, text);
    });
  }
});

/** Keeps comments and commands, and puts each command's trace behind it. */
function play(text: string): string {
  const scenario = new Scenario();
  const out: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('    ')) continue;
    out.push(line);
    if (line === '' || line.startsWith('#')) continue;
    const trace = scenario.run(line);
    for (const said of trace.split('\n')) out.push(`    ${said}`);
  }
  return out.join('\n');
}
