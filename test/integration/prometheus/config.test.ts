import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { skipWithout } from '../../support/skip.ts';

const DIRECTORY = join(import.meta.dirname, '../../../prometheus');
const RULES = filesOf('.rules.yml');
const TESTS = filesOf('.test.yml');

describe('the Prometheus configuration, by promtool', () => {
  before(function () {
    skipWithout(this, 'promtool');
  });

  it('is valid without a warning', () => {
    const output = promtool('check', 'config', join(DIRECTORY, 'prometheus.yml'));
    assert.doesNotMatch(output, /warn/i);
  });

  it('has rules that lint clean', () => {
    assert.ok(RULES.length >= 5);
    const output = promtool('check', 'rules', '--lint=all', '--lint-fatal', ...RULES);
    assert.doesNotMatch(output, /warn|duplicate/i);
  });

  it('has rules that give the right numbers', () => {
    assert.ok(TESTS.length >= 2);
    const output = promtool('test', 'rules', ...TESTS);
    assert.equal(output.split('SUCCESS').length - 1, TESTS.length, output);
  });
});

function filesOf(ending: string): readonly string[] {
  const folder = join(DIRECTORY, 'rules');
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}

function promtool(...parameters: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('promtool', parameters, {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}
