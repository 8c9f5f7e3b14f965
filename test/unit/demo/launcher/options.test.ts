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
      members: 1,
    });
  });

  it('reads every option that the help names', () => {
    const args = [
      ...['--data', 'x', '--fresh', '--free-ports', '--no-load'],
      ...['--seed', '9', '--members', '3'],
    ];
    assert.deepEqual(parseOptions(args), {
      kind: 'start',
      data: 'x',
      fresh: true,
      freePorts: true,
      load: false,
      seed: 9,
      members: 3,
    });
    for (const [option] of HELP.matchAll(/^ {2}--[a-z-]+/gm)) {
      const name = option.trim();
      const value = ['--data', '--seed', '--members'].includes(name) ? ['1'] : [];
      const parsed = parseOptions([name, ...value]);
      assert.ok(parsed.kind !== 'refused' || name === '--down', name);
    }
  });

  it('takes --docker for containers, with the demo unless told otherwise', () => {
    const docker = { kind: 'docker', action: 'up', demo: true };
    assert.deepEqual(parseOptions(['--docker']), docker);
    assert.deepEqual(parseOptions(['--docker', '--no-load']), { ...docker, demo: false });
    assert.deepEqual(parseOptions(['--docker', '--down']), { ...docker, action: 'down' });
  });

  it('names what does not go with --docker, and refuses --down without it', () => {
    const parsed = parseOptions(['--docker', '--members', '3', '--fresh']);
    assert.equal(parsed.kind, 'refused');
    assert.match(
      parsed.message,
      /--fresh, --members do(es)? not go with --docker|--members, --fresh/,
    );
    assert.ok(!parsed.message.includes('\n'));
    assert.equal(parseOptions(['--down']).kind, 'refused');
  });

  it('knows one, three and five members, and says why it refuses others', () => {
    for (const count of ['1', '3', '5']) {
      const parsed = parseOptions(['--members', count]);
      assert.equal(parsed.kind === 'start' && parsed.members, Number(count));
    }
    for (const count of ['0', '2', '4', '7', '-3', '3.0', 'three', '']) {
      const parsed = parseOptions([`--members=${count}`]);
      assert.equal(parsed.kind, 'refused', count);
      assert.match(parsed.message, /--members takes 1, 3 or 5: an even number survives no more/);
    }
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
