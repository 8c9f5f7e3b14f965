import assert from 'node:assert/strict';
import {
  newFieldValues,
  newMemoryV2,
  newTemperatureV1,
  readFieldValue,
  readMemoryV2,
  readText,
} from '../../../../../agents/sources/nvml/layout.ts';

describe("NVML's layout", () => {
  it('writes the version words that the driver checks: size and version << 24', () => {
    assert.equal(newMemoryV2().readUInt32LE(), 0x0200_0028);
    assert.equal(newTemperatureV1().readUInt32LE(), 0x0100_000c);
  });

  it('reads the second memory struct in the order total, reserved, free, used', () => {
    const buffer = newMemoryV2();
    [1n, 2n, 3n, 4n].forEach((value, at) => buffer.writeBigUInt64LE(value, 8 + 8 * at));
    assert.deepEqual(readMemoryV2(buffer), { total: 1, reserved: 2, free: 3, used: 4 });
  });

  it('takes a field that an old library left untouched for absent', () => {
    const buffer = newFieldValues([{ field: 82, scope: 0 }]);
    assert.equal(readFieldValue(buffer, 0), null);
  });

  it('reads a field value by the type that the driver wrote', () => {
    const buffer = newFieldValues([
      { field: 1, scope: 0 },
      { field: 2, scope: 7 },
    ]);
    assert.equal(buffer.readUInt32LE(40), 2);
    assert.equal(buffer.readUInt32LE(44), 7);
    const write = (type: number, fill: (at: number) => void): number | null => {
      buffer.writeUInt32LE(type, 40 + 24);
      buffer.writeUInt32LE(0, 40 + 28);
      buffer.fill(0, 40 + 32);
      fill(40 + 32);
      return readFieldValue(buffer, 1);
    };
    assert.equal(
      write(0, (at) => buffer.writeDoubleLE(1.5, at)),
      1.5,
    );
    assert.equal(
      write(1, (at) => buffer.writeUInt32LE(65, at)),
      65,
    );
    assert.equal(
      write(3, (at) => buffer.writeBigUInt64LE(2n ** 40n, at)),
      2 ** 40,
    );
    assert.equal(
      write(4, (at) => buffer.writeBigInt64LE(-2n, at)),
      -2,
    );
    assert.equal(
      write(5, (at) => buffer.writeInt32LE(-3, at)),
      -3,
    );
    assert.equal(
      write(6, (at) => buffer.writeUInt16LE(9, at)),
      9,
    );
    assert.equal(
      write(99, (at) => buffer.writeUInt16LE(9, at)),
      null,
    );
  });

  it('ends a text at its first zero byte and keeps control characters out', () => {
    assert.equal(readText(Buffer.from('NVIDIA\u0007 H200\u0000rest')), 'NVIDIA H200');
  });
});
