import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { alertFiles } from '../../support/alert-rules.ts';
import { skipWithout } from '../../support/skip.ts';

const RULES = alertFiles('rules');
const TESTS = alertFiles('tests');

describe('the alerting rules, by promtool', () => {
  before(function () {
    skipWithout(this, 'promtool');
  });

  it('lint clean', () => {
    assert.ok(RULES.length >= 8, `${RULES.length}`);
    const output = promtool('check', 'rules', '--lint=all', '--lint-fatal', ...RULES);
    assert.doesNotMatch(output, /warn|duplicate/i);
  });

  it('have a file of tests for each audience', () => {
    const tested = TESTS.map((path) => basename(path).replace('.test.yml', '.rules.yml'));
    assert.deepEqual(
      RULES.map((path) => basename(path)).filter((name) => !tested.includes(name)),
      [],
    );
  });

  for (const path of TESTS) {
    it(`fire and stay silent as ${basename(path)} says`, () => {
      assert.match(promtool('test', 'rules', path), /SUCCESS/);
    });
  }
});

function promtool(...parameters: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('promtool', parameters, {
    encoding: 'utf8',
    timeout: 55_000,
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}
