import assert from 'node:assert/strict';

import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import { parseHeartbeat, parseNodeRegistration } from '../../../../control-plane/schemas/node.ts';
import { registrationDocument } from '../../../support/http-documents.ts';

const pointersOf = (overrides: object): readonly string[] => {
  try {
    parseNodeRegistration(registrationDocument(overrides));
    return [];
  } catch (error) {
    assert.ok(error instanceof SchemaError);
    return error.faults.map((fault) => fault.pointer);
  }
};

describe('a node’s registration', () => {
  it('is taken as the agent sends it', () => {
    assert.deepEqual(parseNodeRegistration(registrationDocument()), registrationDocument());
  });

  for (const address of ['10.0.0.1:1', 'host:65535', 'a.b-c_d.example:7410', '[fe80::1]:7410']) {
    it(`may be scraped at ${address}`, () => {
      assert.deepEqual(pointersOf({ address }), []);
    });
  }

  for (const address of [
    '10.0.0.1',
    ':7410',
    'host:0',
    'host:65536',
    'host:07410000',
    'http://host:1',
    'host:1/metrics',
    'user@host:1',
    'fe80::1:7410',
    'ho st:1',
  ]) {
    it(`may not be scraped at ${address}`, () => {
      assert.deepEqual(pointersOf({ address }), ['/address']);
    });
  }

  for (const nodeId of [
    '.',
    '..',
    '...',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    '',
    'a/b',
  ]) {
    it(`may not be named ${JSON.stringify(nodeId)}`, () => {
      assert.ok(pointersOf({ nodeId }).includes('/nodeId'));
    });
  }

  for (const nodeId of ['n', 'GPU-host_7.example', 'a'.repeat(128), '.hidden']) {
    it(`may be named ${nodeId.slice(0, 30)}`, () => {
      assert.deepEqual(pointersOf({ nodeId }), []);
    });
  }

  it('has labels that Prometheus takes, at most 32', () => {
    assert.deepEqual(pointersOf({ labels: { a: '', B_1: 'x' } }), []);
    assert.deepEqual(pointersOf({ labels: { '1a': 'x', __a: 'x', 'a-b': 'x' } }), [
      '/labels/1a',
      '/labels/__a',
      '/labels/a-b',
    ]);
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`l${i}`, 'x']));
    assert.deepEqual(pointersOf({ labels: many }), ['/labels']);
  });

  it('has each capability once, at most 32', () => {
    assert.deepEqual(pointersOf({ capabilities: ['gpu', 'gpu'] }), ['/capabilities/1']);
    const many = Array.from({ length: 33 }, (_, i) => `c${i}`);
    assert.deepEqual(pointersOf({ capabilities: many }), ['/capabilities']);
  });
});

describe('a heartbeat', () => {
  it('names failing collectors and counts up', () => {
    const heartbeat = { failingCollectors: ['gpu'], sequence: 0 };
    assert.deepEqual(parseHeartbeat(heartbeat), heartbeat);
    assert.throws(() => parseHeartbeat({ ...heartbeat, sequence: 0.5 }), SchemaError);
    assert.throws(() => parseHeartbeat({ ...heartbeat, failingCollectors: ['a b'] }), SchemaError);
  });
});
