import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDocuments } from '../../../../../control-plane/adapters/document-files/documents.ts';
import {
  describeFault,
  DOCUMENT_FILES_LIMITS,
  DocumentFilesError,
} from '../../../../../control-plane/adapters/document-files/yaml-files.ts';

const NEVER = new AbortController().signal;
const WORKLOAD = `kind: Workload
id: w
capability: inference
target:
  kind: local_process
  command: [node, x.ts]
`;
const POLICY = `kind: ScalePolicy
id: p
workload: w
replicas: { min: 1, max: 8 }
metrics:
  - name: load
    query: sum(x)
    target: { averageValue: 4 }
`;

describe('documents in a directory', () => {
  let directory = '';

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-documents-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(directory, name), content);
    }
  }

  async function faults(limits = DOCUMENT_FILES_LIMITS): Promise<readonly string[]> {
    try {
      await readDocuments(directory, NEVER, limits);
    } catch (error) {
      if (error instanceof DocumentFilesError) return error.faults.map(describeFault);
      throw error;
    }
    return [];
  }

  it('are read from .yaml and .yml, several to a file, and from nothing else', async () => {
    await write({
      'a.yaml': `# comment\n---\n${WORKLOAD}---\n${POLICY}---\n`,
      'b.yml': WORKLOAD.replace('id: w', 'id: v'),
      'c.json': '{',
      '.hidden.yaml': '{',
      'empty.yaml': '',
      'comment.yaml': '# nothing yet\n',
    });
    await mkdir(join(directory, 'sub'));
    await symlink(join(directory, 'c.json'), join(directory, 'link.txt'));
    const { workloads, policies } = await readDocuments(directory, NEVER);
    assert.deepEqual(
      workloads.map(({ id }) => id),
      ['w', 'v'],
    );
    assert.deepEqual(
      policies.map(({ id }) => id),
      ['p'],
    );
  });

  it('give every fault of every file at once, with file, line, column and pointer', async () => {
    await write({
      'a.yaml': `${WORKLOAD}mode: on\nreplicas: 3\n---\n${POLICY.replace('max: 8', 'max: 0').replace('sum(x)', '"sum("')}`,
      'b.yaml': 'kind: Workload\nid: [1, 2\n',
      'c.yaml': 'kind: Something\nid: x\n',
      'd.yaml': '- 1\n',
      'e.yaml': 'id: x\n',
    });
    const all = await faults();
    const expected = [
      /^a\.yaml:7:1 \/mode expected one of/,
      /^a\.yaml:8:1 \/replicas unknown field/,
      /^a\.yaml:13:21 \/replicas\/max expected a whole number/,
      /^a\.yaml:16:5 \/metrics\/0\/query not valid PromQL/,
      /^b\.yaml:\d+:\d+ not valid YAML/,
      /^c\.yaml:1:1 \/kind expected kind Workload or ScalePolicy; got the text "Something"/,
      /^d\.yaml:1:1 expected a workload or a policy; got a list/,
      /^e\.yaml:1:1 \/kind expected kind Workload or ScalePolicy; got nothing/,
    ];
    for (const pattern of expected) {
      assert.ok(
        all.some((line) => pattern.test(line)),
        `${String(pattern)} in\n${all.join('\n')}`,
      );
    }
  });

  it('point at the nearest field around one that is missing', async () => {
    await write({ 'a.yaml': POLICY.replace('    query: sum(x)\n', '') });
    assert.deepEqual(await faults(), [
      'a.yaml:6:5 /metrics/0/query required: expected a PromQL query as text',
    ]);
  });

  it('are refused when an id, or the workload of a policy, is there twice, in whatever files', async () => {
    await write({
      'a.yaml': `${WORKLOAD}---\n${POLICY}`,
      'b.yaml': `${POLICY}---\n${WORKLOAD}---\n${POLICY.replace('id: p', 'id: q')}`,
    });
    assert.deepEqual(await faults(), [
      'b.yaml:2:1 /id the policy p is also in a.yaml:9:1',
      'b.yaml:3:1 /workload a policy for the workload w is also in a.yaml:10:1',
      'b.yaml:11:1 /id the workload w is also in a.yaml:2:1',
      'b.yaml:19:1 /workload a policy for the workload w is also in a.yaml:10:1',
    ]);
  });

  it('refuse YAML that is ambiguous or hostile', async () => {
    const bomb = Array.from({ length: 10 }, (_, n) =>
      n === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]'
        : `a${n}: &a${n} [${Array(10)
            .fill(`*a${n - 1}`)
            .join(', ')}]`,
    );
    await write({
      'bomb.yaml': bomb.join('\n'),
      'duplicate.yaml': `${WORKLOAD}id: again\n`,
      'tab.yaml': 'kind:\tWorkload\n\tid: w\n',
      'tag.yaml': `${WORKLOAD}description: !secret x\n`,
      'bytes.yaml': new Uint8Array([0x6b, 0xff, 0xfe]),
    });
    const all = await faults();
    for (const file of ['bomb', 'duplicate', 'tab', 'tag']) {
      assert.ok(
        all.some((line) => line.startsWith(`${file}.yaml:`)),
        all.join('\n'),
      );
    }
    assert.ok(all.includes('bytes.yaml is not UTF-8'), all.join('\n'));
  });

  it('are bounded in number and size', async () => {
    await write({ 'a.yaml': `${WORKLOAD}---\n${POLICY}`, 'b.yaml': '#'.repeat(2_000) });
    assert.deepEqual(await faults({ filesMax: 1, fileBytesMax: 1_000, documentsMax: 10 }), [
      `${directory} has 2 YAML files, more than 1`,
    ]);
    assert.deepEqual(await faults({ filesMax: 2, fileBytesMax: 1_000, documentsMax: 1 }), [
      'a.yaml more than 1 documents',
    ]);
    assert.deepEqual(await faults({ filesMax: 2, fileBytesMax: 1_000, documentsMax: 2 }), [
      'b.yaml is larger than 1000 bytes: 2000',
    ]);
  });

  it('say so when a file is none, or the directory is not there', async () => {
    execFileSync('mkfifo', [join(directory, 'pipe.yaml')]);
    await mkdir(join(directory, 'folder.yaml'));
    assert.deepEqual(await faults(), ['folder.yaml is not a file', 'pipe.yaml is not a file']);
    await rm(directory, { recursive: true });
    assert.match((await faults()).join(''), /cannot be read: ENOENT/);
    await mkdir(directory);
  });
});
