import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { MEMBER_NODE_ARGUMENTS } from '../../../control-plane/node-arguments.ts';
import { MEMBER_NODE_ARGUMENTS as OF_THE_DEMO } from '../../../demo/launcher/members.ts';

describe('arguments of Node.js for a member', () => {
  it('are the same in the program, the demo and the README', async () => {
    assert.deepEqual(OF_THE_DEMO, MEMBER_NODE_ARGUMENTS);
    const readme = await readFile('README.md', 'utf8');
    assert(readme.includes(`node ${MEMBER_NODE_ARGUMENTS.join(' ')} control-plane/main.ts`));
  });
});
