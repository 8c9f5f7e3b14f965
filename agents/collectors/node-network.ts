/** Network devices, from the text of /proc/net/dev (proc(5)). */

import type { Emit, Family } from '../collector.ts';
import { CollectorError } from '../failures.ts';
import { counter } from '../family.ts';

function device(name: string, help: string): Family {
  return counter(`omnimind_node_network_${name}_total`, help, 'device');
}

/** In the order of the fields after the colon. */
const fields: readonly Family[] = [
  device('receive_bytes', 'Bytes received.'),
  device('receive_packets', 'Packets received.'),
  device('receive_errors', 'Packets received with an error.'),
  device('receive_drops', 'Packets received and dropped.'),
  device('receive_fifo_errors', 'Packets lost to a full receive queue.'),
  device('receive_frame_errors', 'Packets received with a frame error.'),
  device('receive_compressed', 'Compressed packets received.'),
  device('receive_multicast', 'Multicast packets received.'),
  device('transmit_bytes', 'Bytes sent.'),
  device('transmit_packets', 'Packets sent.'),
  device('transmit_errors', 'Packets that could not be sent.'),
  device('transmit_drops', 'Packets dropped before they were sent.'),
  device('transmit_fifo_errors', 'Packets lost to a full send queue.'),
  device('transmit_collisions', 'Collisions.'),
  device('transmit_carrier_errors', 'Losses of the carrier while sending.'),
  device('transmit_compressed', 'Compressed packets sent.'),
];

export const networkFamilies: readonly Family[] = fields;

export function emitNetwork(text: string, exclude: RegExp, emit: Emit): void {
  const lines = text.split('\n');
  for (let row = 2; row < lines.length; row++) {
    const line = lines[row] ?? '';
    if (line === '') continue;
    // The colon of an alias (eth0:1) belongs to the name.
    const colon = line.lastIndexOf(':');
    const name = line.slice(0, colon).trim();
    const values = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    if (colon < 0 || values.length < fields.length) {
      throw new CollectorError('malformed', '/proc/net/dev has a line with too few fields');
    }
    if (exclude.test(name)) continue;
    for (let index = 0; index < fields.length; index++) {
      const family = fields[index];
      if (family !== undefined) emit(family, Number(values[index]), name);
    }
  }
}
