import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ALL_COLUMNS,
  parseRow,
  withoutColumn,
} from '../../../../../agents/sources/nvidia-smi/row.ts';

const h200: Readonly<Record<string, string>> = {
  count: '1',
  index: '0',
  uuid: 'GPU-6ae0d1f2-0000-0000-0000-000000000000',
  name: 'NVIDIA H200',
  driver_version: '580.173.02',
  'pci.bus_id': '00000000:83:00.0',
  serial: '0000000000000',
  vbios_version: '96.00.A5.00.03',
  'utilization.gpu': '12',
  'utilization.memory': '0',
  'memory.total': '143771',
  'memory.used': '0',
  'memory.free': '143156',
  'memory.reserved': '616',
  'temperature.gpu': '37',
  'temperature.memory': '38',
  'power.draw': '85.12',
  'enforced.power.limit': '700.00',
  'clocks.current.sm': '345',
  pstate: 'P0',
  gpu_recovery_action: 'Drain and Reset',
  'ecc.mode.current': 'Enabled',
  'ecc.errors.corrected.volatile.total': '0',
  'remapped_rows.pending': 'No',
  'remapped_rows.failure': 'Yes',
  'mig.mode.current': 'Disabled',
  'clocks_event_reasons.active': '0x0000000000000001',
};

function line(changes: Readonly<Record<string, string>> = {}): string {
  const cells = { ...h200, ...changes };
  return ALL_COLUMNS.map((column) => cells[column] ?? '[N/A]').join(', ');
}

describe('parseRow', () => {
  it("reads an H200's row in base units and leaves out what is not available", () => {
    const row = parseRow(line(), ALL_COLUMNS);
    assert.ok(row);
    assert.equal(row.count, 1);
    assert.equal(row.driverVersion, '580.173.02');
    assert.deepEqual(row.reading.values, {
      utilization_ratio: 0.12,
      memory_utilization_ratio: 0,
      memory_total_bytes: 143_771 * 2 ** 20,
      memory_used_bytes: 0,
      memory_free_bytes: 143_156 * 2 ** 20,
      memory_reserved_bytes: 616 * 2 ** 20,
      temperature_celsius: 37,
      memory_temperature_celsius: 38,
      power_watts: 85.12,
      power_limit_watts: 700,
      clock_sm_hertz: 345e6,
      performance_state: 0,
      recovery_action: 4,
      ecc_enabled: 1,
      ecc_corrected_volatile_errors_total: 0,
      remapped_rows_pending: 0,
      remapped_rows_failed: 1,
      mig_enabled: 0,
    });
    assert.equal(row.reading.clockEventReasons, 1);
    assert.deepEqual(row.reading.unreadable, []);
  });

  for (const text of ['[N/A]', 'N/A', '', '[Not Supported]', '[Insufficient Permissions]']) {
    it(`takes ${text === '' ? 'an empty cell' : text} for absent, not for 0`, () => {
      const row = parseRow(line({ 'power.draw': text }), ALL_COLUMNS);
      assert.ok(row);
      assert.equal(row.reading.values.power_watts, undefined);
      assert.deepEqual(row.reading.unreadable, []);
      assert.equal(row.reading.readErrors, 0);
    });
  }

  it('counts [Unknown Error] as a failed read and other text as unreadable', () => {
    const row = parseRow(
      line({ 'power.draw': '[Unknown Error]', 'temperature.gpu': 'ERR!' }),
      ALL_COLUMNS,
    );
    assert.ok(row);
    assert.equal(row.reading.readErrors, 1);
    assert.deepEqual(row.reading.unreadable, ['temperature_celsius']);
    assert.equal(row.reading.values.temperature_celsius, undefined);
  });

  it('sees that a GPU is lost', () => {
    assert.equal(parseRow(line(), ALL_COLUMNS)?.reading.isLost, false);
    const lost = parseRow(line({ 'power.draw': '[GPU is lost]' }), ALL_COLUMNS);
    assert.equal(lost?.reading.isLost, true);
  });

  const noRows = {
    'a cut row': line()
      .slice(0, -30)
      .replace(/,[^,]*$/, ''),
    'a message': 'No devices were found',
    'an error without a uuid': line({ uuid: '[Unknown Error]' }),
    'a row without an index': line({ index: '[N/A]' }),
  };
  for (const [title, text] of Object.entries(noRows)) {
    it(`does not take ${title} for a row`, () => assert.equal(parseRow(text, ALL_COLUMNS), null));
  }

  it('never throws, whatever the line', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseRow(text, ALL_COLUMNS)));
  });
});

describe('withoutColumn', () => {
  it('falls back to the throttle reasons of older drivers, then to neither', () => {
    const older = withoutColumn(ALL_COLUMNS, 'clocks_event_reasons.active');
    assert.ok(older);
    assert.equal(older.at(-1), 'clocks_throttle_reasons.active');
    const oldest = withoutColumn(older, 'clocks_throttle_reasons.active');
    assert.equal(
      oldest?.some((column) => column.includes('reasons')),
      false,
    );
  });

  it('gives up without the uuid and on a column that was not asked for', () => {
    assert.equal(withoutColumn(ALL_COLUMNS, 'uuid'), null);
    assert.equal(withoutColumn(ALL_COLUMNS, 'made.up'), null);
  });
});
