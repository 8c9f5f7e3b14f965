import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { MEMBER_NODE_ARGUMENTS } from '../../../control-plane/node-arguments.ts';
import { AGENT_ENVIRONMENT, AGENT_FLAGS } from '../../../agents/bundle.ts';
import { MEMBER_NODE_ARGUMENTS as OF_THE_DEMO } from '../../../demo/launcher/members.ts';

describe('arguments of Node.js for a member', () => {
  it('are the same in the program, the demo, the README and the image', async () => {
    assert.deepEqual(OF_THE_DEMO, MEMBER_NODE_ARGUMENTS);
    const readme = await readFile('README.md', 'utf8');
    assert(readme.includes(`node ${MEMBER_NODE_ARGUMENTS.join(' ')} control-plane/main.ts`));
    const image = await readFile('control-plane/Dockerfile', 'utf8');
    assert.deepEqual(entryPointOf(image), [
      'node',
      ...MEMBER_NODE_ARGUMENTS,
      'control-plane/main.ts',
    ]);
  });
});

describe('arguments of Node.js for an agent', () => {
  it('are the same for a bundle and in the image, and so is its environment', async () => {
    const image = await readFile('agents/Dockerfile', 'utf8');
    assert.deepEqual(entryPointOf(image), ['node', ...AGENT_FLAGS, 'agent/main.cjs']);
    for (const [name, value] of Object.entries(AGENT_ENVIRONMENT)) {
      assert.match(image, new RegExp(`^ENV .*\\b${name}=${value}( |$)`, 'm'));
    }
  });
});

function entryPointOf(dockerfile: string): unknown {
  return JSON.parse(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1] ?? 'null');
}
