/**
 * The protocols' own counts, from the texts of /proc/net/snmp, /proc/net/netstat, /proc/net/sockstat
 * and /proc/net/softnet_stat: what tells a lossy or an overrun network apart from a quiet one.
 * Counts without a use in an alert or a dashboard are left out.
 */

import type { Emit, Family } from '../collector.ts';
import { CollectorError } from '../failures.ts';
import { counter, gauge } from '../family.ts';

function count(name: string, help: string): Family {
  return counter(`omnimind_node_${name}_total`, help);
}

const established = gauge(
  'omnimind_node_tcp_established_connections',
  'TCP connections that are established or waiting to be closed.',
);

/** Protocol and field, as in the two lines that each protocol has. */
const protocolFields: Readonly<Record<string, Readonly<Record<string, Family>>>> = {
  Ip: {
    InReceives: count('ip_received_packets', 'IP packets received, bad ones included.'),
    InHdrErrors: count('ip_received_header_errors', 'IP packets with a bad header.'),
    InDiscards: count('ip_received_discards', 'Good IP packets dropped on arrival.'),
    ForwDatagrams: count('ip_forwarded_packets', 'IP packets forwarded.'),
    OutRequests: count('ip_sent_packets', 'IP packets sent.'),
    OutDiscards: count('ip_sent_discards', 'IP packets dropped before they were sent.'),
    OutNoRoutes: count('ip_no_route', 'IP packets without a route.'),
    ReasmFails: count('ip_reassembly_failures', 'IP packets that could not be put together.'),
  },
  Icmp: {
    InMsgs: count('icmp_received', 'ICMP messages received.'),
    InErrors: count('icmp_received_errors', 'ICMP messages received with an error.'),
    InDestUnreachs: count(
      'icmp_received_unreachable',
      'ICMP destination unreachable messages received.',
    ),
    OutMsgs: count('icmp_sent', 'ICMP messages sent.'),
  },
  Tcp: {
    ActiveOpens: count('tcp_active_opens', 'TCP connections opened from this side.'),
    PassiveOpens: count('tcp_passive_opens', 'TCP connections accepted.'),
    AttemptFails: count('tcp_failed_opens', 'TCP connections that failed to open.'),
    EstabResets: count('tcp_established_resets', 'TCP connections reset while established.'),
    CurrEstab: established,
    InSegs: count('tcp_received_segments', 'TCP segments received.'),
    OutSegs: count('tcp_sent_segments', 'TCP segments sent, without retransmissions.'),
    RetransSegs: count('tcp_retransmitted_segments', 'TCP segments sent again.'),
    InErrs: count('tcp_received_errors', 'TCP segments received with an error.'),
    OutRsts: count('tcp_sent_resets', 'TCP segments sent with the RST flag.'),
  },
  Udp: {
    InDatagrams: count('udp_received_datagrams', 'UDP datagrams received.'),
    NoPorts: count('udp_no_port', 'UDP datagrams for a port that nobody listens on.'),
    InErrors: count('udp_received_errors', 'UDP datagrams that could not be delivered.'),
    OutDatagrams: count('udp_sent_datagrams', 'UDP datagrams sent.'),
    RcvbufErrors: count(
      'udp_receive_buffer_errors',
      'UDP datagrams lost to a full receive buffer.',
    ),
    SndbufErrors: count('udp_send_buffer_errors', 'UDP datagrams lost to a full send buffer.'),
  },
  TcpExt: {
    ListenOverflows: count(
      'tcp_listen_overflows',
      'Connections refused because the accept queue was full.',
    ),
    ListenDrops: count('tcp_listen_drops', 'Connections dropped while they were being opened.'),
    SyncookiesSent: count('tcp_syncookies_sent', 'SYN cookies sent.'),
    SyncookiesRecv: count('tcp_syncookies_received', 'SYN cookies received.'),
    SyncookiesFailed: count('tcp_syncookies_failed', 'SYN cookies that were not valid.'),
    TCPTimeouts: count('tcp_timeouts', 'Retransmission timeouts.'),
    TCPSynRetrans: count('tcp_syn_retransmits', 'SYN and SYN/ACK segments sent again.'),
    TCPLostRetransmit: count('tcp_lost_retransmits', 'Retransmissions that were lost as well.'),
    TCPOFOQueue: count('tcp_out_of_order_segments', 'Segments queued out of order.'),
    TCPRcvQDrop: count(
      'tcp_receive_queue_drops',
      'Segments dropped because of a full receive queue.',
    ),
    TCPBacklogDrop: count('tcp_backlog_drops', 'Segments dropped because of a full backlog.'),
    TCPAbortOnMemory: count('tcp_aborts_on_memory', 'Connections aborted for lack of memory.'),
    TCPAbortOnTimeout: count(
      'tcp_aborts_on_timeout',
      'Connections aborted after too many timeouts.',
    ),
    TCPMemoryPressures: count('tcp_memory_pressures', 'Times that TCP came under memory pressure.'),
  },
  IpExt: {
    InOctets: count('ip_received_bytes', 'Bytes of IP packets received.'),
    OutOctets: count('ip_sent_bytes', 'Bytes of IP packets sent.'),
  },
};

const sockets = gauge('omnimind_node_sockets', 'Sockets of all protocols.');
const socketsInUse = gauge('omnimind_node_sockets_in_use', 'Sockets in use.', 'protocol');
const tcpOrphans = gauge('omnimind_node_tcp_orphans', 'TCP connections without a process.');
const tcpTimeWait = gauge('omnimind_node_tcp_time_wait', 'TCP connections in state TIME_WAIT.');
const tcpAllocated = gauge('omnimind_node_tcp_allocated', 'TCP sockets that are allocated.');
const socketMemory = gauge(
  'omnimind_node_socket_memory_pages',
  'Pages of memory that the buffers of sockets take.',
  'protocol',
);
const softnetProcessed = count('softnet_processed', 'Packets that the CPUs processed.');
const softnetDropped = count(
  'softnet_dropped',
  'Packets dropped because a CPU had too long a queue.',
);
const softnetSqueezed = count(
  'softnet_squeezed',
  'Times that a CPU had packets left when its time was up.',
);

export const netstatFamilies: readonly Family[] = [
  ...Object.values(protocolFields).flatMap((families) => Object.values(families)),
  sockets,
  socketsInUse,
  tcpOrphans,
  tcpTimeWait,
  tcpAllocated,
  socketMemory,
  softnetProcessed,
  softnetDropped,
  softnetSqueezed,
];

/** Where the wanted fields of a header stand; headers change only with the kernel, so each is read once. */
export type HeaderCache = Map<string, readonly (readonly [index: number, family: Family])[]>;

/** For snmp and netstat alike: a line of names, then a line of values, each with the protocol before it. */
export function emitProtocols(text: string, headers: HeaderCache, emit: Emit): void {
  const lines = text.split('\n');
  for (let row = 0; row + 1 < lines.length; row += 2) {
    const names = lines[row] ?? '';
    const values = lines[row + 1] ?? '';
    const colon = names.indexOf(':');
    if (colon < 0 || !values.startsWith(names.slice(0, colon + 1))) {
      throw new CollectorError('malformed', 'network statistics without their names');
    }
    let places = headers.get(names);
    if (places === undefined) {
      places = placesOf(names, protocolFields[names.slice(0, colon)] ?? {});
      headers.set(names, places);
    }
    if (places.length === 0) continue;
    const fields = values.split(' ');
    for (const [index, family] of places) emit(family, Number(fields[index]));
  }
}

function placesOf(
  header: string,
  families: Readonly<Record<string, Family>>,
): (readonly [number, Family])[] {
  return header.split(' ').flatMap((name, index) => {
    const family = families[name];
    return family === undefined ? [] : [[index, family] as const];
  });
}

export function emitSockets(text: string, emit: Emit): void {
  for (const line of text.split('\n')) {
    const [head = '', ...fields] = line.split(' ');
    const protocol = head.slice(0, -1).toLowerCase();
    for (let index = 0; index + 1 < fields.length; index += 2) {
      emitSocketField(protocol, fields[index] ?? '', Number(fields[index + 1]), emit);
    }
  }
}

function emitSocketField(protocol: string, field: string, value: number, emit: Emit): void {
  switch (field) {
    case 'used':
      emit(sockets, value);
      return;
    case 'inuse':
      emit(socketsInUse, value, protocol);
      return;
    case 'mem':
      emit(socketMemory, value, protocol);
      return;
    case 'orphan':
      emit(tcpOrphans, value);
      return;
    case 'tw':
      emit(tcpTimeWait, value);
      return;
    case 'alloc':
      emit(tcpAllocated, value);
      return;
  }
}

/** One line of hexadecimal numbers per CPU; the sums are given, the CPUs would be too many series. */
export function emitSoftnet(text: string, emit: Emit): void {
  let processed = 0;
  let dropped = 0;
  let squeezed = 0;
  for (const line of text.split('\n')) {
    if (line.length < 26) continue;
    processed += Number.parseInt(line.slice(0, 8), 16);
    dropped += Number.parseInt(line.slice(9, 17), 16);
    squeezed += Number.parseInt(line.slice(18, 26), 16);
  }
  emit(softnetProcessed, processed);
  emit(softnetDropped, dropped);
  emit(softnetSqueezed, squeezed);
}
