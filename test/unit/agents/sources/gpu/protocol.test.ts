import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createLineCutter } from '../../../../../agents/sources/gpu/lines.ts';
import {
  formatMessage,
  labelText,
  parseMessage,
  type ChildMessage,
} from '../../../../../agents/sources/gpu/protocol.ts';
import { emptyReading } from '../../../../../agents/sources/gpu/snapshot.ts';

const identity = {
  ...{ uuid: 'GPU-1', name: 'NVIDIA H200', index: 0, pciBusId: '00000000:83:00.0' },
  ...{ serial: '165', vbiosVersion: '96', minorNumber: '0' },
};

const full: ChildMessage = {
  kind: 'snapshot',
  snapshot: {
    ...{ backend: 'nvml', driverVersion: '580', cudaVersion: '13.0' },
    gpus: [
      {
        ...emptyReading(identity),
        values: { utilization_ratio: 0.5, energy_joules_total: 1e9 },
        clockEventReasons: 0x84,
        nvLinks: [{ link: 0, isUp: true }],
        migInstances: [
          {
            ...{ uuid: 'MIG-1', name: '1g', gpuInstance: 7, computeInstance: 0 },
            ...{ memoryTotalBytes: 10, memoryUsedBytes: null },
          },
        ],
        processes: [{ pid: 7, name: 'python', memoryBytes: 1 }],
        unreadable: ['power_watts'],
        readErrors: 1,
        isLost: false,
      },
    ],
  },
};

describe('parseMessage', () => {
  const messages: readonly ChildMessage[] = [
    full,
    { kind: 'xid', uuid: 'GPU-1', xid: 79, atMs: 5 },
    { kind: 'watching', uuids: ['GPU-1'] },
    { kind: 'failure', backend: 'smi', failure: 'driver_hung', detail: 'no row' },
    { kind: 'absent' },
    { kind: 'tool', groupId: 4711 },
    { kind: 'tool', groupId: null },
    { kind: 'alive' },
  ];
  for (const message of messages) {
    it(`reads back ${JSON.stringify(message).slice(0, 40)}`, () => {
      assert.deepEqual(parseMessage(formatMessage(message).trimEnd()), message);
    });
  }

  const broken: readonly (readonly [string, string])[] = [
    ['no JSON', '{"kind":'],
    ['a list', '[]'],
    ['an unknown kind', '{"kind":"reboot"}'],
    ['an unknown field', JSON.stringify(full).replace('utilization_ratio', 'utilisation')],
    ['a number in quotes', JSON.stringify(full).replace('0.5', '"0.5"')],
    ['a missing uuid', JSON.stringify(full).replace('"GPU-1"', '""')],
    ['a long text', JSON.stringify(full).replace('NVIDIA H200', 'x'.repeat(201))],
    ['the process group of everybody', '{"kind":"tool","groupId":1}'],
    ['a fractional XID', '{"kind":"xid","uuid":"GPU-1","xid":7.5,"atMs":5}'],
  ];
  for (const [title, line] of broken) {
    it(`takes ${title} for garbage`, () => assert.equal(parseMessage(line), null));
  }

  it('never throws, whatever the line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        const message = parseMessage(line);
        assert.ok(message === null || typeof message.kind === 'string');
      }),
    );
  });
});

describe('labelText', () => {
  it('takes control characters out, trims and cuts at 100 characters', () => {
    assert.equal(labelText(' a\n\u0000b\u007f '), 'ab');
    assert.equal(labelText('x'.repeat(300)).length, 100);
  });
});

describe('createLineCutter', () => {
  it('gives the same lines however the bytes are cut, and decodes characters split between chunks', () => {
    const text = 'one\n\ntwö €\nthree\n';
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 20 }), (sizes) => {
        const lines: string[] = [];
        const cutter = createLineCutter(
          100,
          (line) => lines.push(line),
          () => assert.fail('oversized'),
        );
        const bytes = Buffer.from(text);
        let at = 0;
        for (const size of sizes) {
          cutter.push(bytes.subarray(at, at + size));
          at += size;
        }
        cutter.push(bytes.subarray(Math.min(at, bytes.length)));
        assert.deepEqual(lines, ['one', '', 'twö €', 'three']);
      }),
    );
  });

  it('throws an oversized line away, says so once, and reads the next', () => {
    const lines: string[] = [];
    let oversized = 0;
    const cutter = createLineCutter(
      10,
      (line) => lines.push(line),
      () => (oversized += 1),
    );
    for (let chunk = 0; chunk < 5; chunk += 1) cutter.push(Buffer.from('x'.repeat(9)));
    cutter.push(Buffer.from('\nnext\n'));
    assert.deepEqual(lines, ['next']);
    assert.equal(oversized, 1);
  });
});
