import assert from 'node:assert/strict';
import { HELP, parseOptions } from '../../../../demo/launcher/options.ts';

describe('the options of npm start', () => {
  it('has defaults for all', () => {
    assert.deepEqual(parseOptions([]), {
      kind: 'start',
      data: null,
      fresh: false,
      freePorts: false,
      load: true,
      seed: 1,
    });
  });

  it('reads every option that the help names', () => {
    const args = ['--data', 'x', '--fresh', '--free-ports', '--no-load', '--seed', '9'];
    assert.deepEqual(parseOptions(args), {
      kind: 'start',
      data: 'x',
      fresh: true,
      freePorts: true,
      load: false,
      seed: 9,
    });
    for (const [option] of HELP.matchAll(/^ {2}--[a-z-]+/gm)) {
      const name = option.trim();
      const value = name === '--data' || name === '--seed' ? ['1'] : [];
      const parsed = parseOptions([name, ...value]);
      assert.ok(parsed.kind !== 'refused' || name === '--docker', name);
    }
  });

  it('says in one line that --docker is not available', () => {
    const parsed = parseOptions(['--docker']);
    assert.equal(parsed.kind, 'refused');
    assert.match(parsed.message, /--docker is not available in this version/);
    assert.ok(!parsed.message.includes('\n'));
  });

  for (const args of [
    ['--seed', 'x'],
    ['--seed', '-1'],
    ['--seed=1.5'],
    ['--bogus'],
    ['word'],
    ['--data='],
  ]) {
    it(`refuses ${args.join(' ')}`, () => {
      assert.equal(parseOptions(args).kind, 'refused');
    });
  }
});
