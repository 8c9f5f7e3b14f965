/**
 * Readers of what Redis answers: INFO, CLUSTER INFO, CLUSTER NODES, and the flat field lists of
 * SENTINEL. Pure and total: what does not parse is left out, so that an unknown version of the
 * server costs the fields that changed and no more.
 */

import { parseHostPort } from './redis-endpoint.ts';
import type { RedisAddress } from './redis-endpoint.ts';

/** `field:value` lines by field. */
export type RedisFields = ReadonlyMap<string, string>;

/** Longest INFO that is read, in characters; a server with more has it cut at this bound. */
const INFO_CHARACTERS_MAX = 1_000_000;

/** Reads INFO and CLUSTER INFO: lines of `field:value`, comments and empty lines left out. */
export function parseFields(text: string): RedisFields {
  const fields = new Map<string, string>();
  for (const line of text.slice(0, INFO_CHARACTERS_MAX).split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0 || line.startsWith('#')) continue;
    fields.set(line.slice(0, colon), line.slice(colon + 1).trimEnd());
  }
  return fields;
}

/** Reads `a=1,b=2`, the value of the lines for commands, databases and replicas. */
export function parsePairs(value: string): RedisFields {
  const pairs = new Map<string, string>();
  for (const part of value.split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) pairs.set(part.slice(0, equals), part.slice(equals + 1));
  }
  return pairs;
}

/** The field as a finite number; null when it is absent or something else (`nan`, `inf`, text). */
export function numberOf(fields: RedisFields, field: string): number | null {
  const text = fields.get(field);
  if (text === undefined || !/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

export interface ClusterNode {
  readonly nodeId: string;
  /** Null for a node whose address the asked one does not know. */
  readonly address: RedisAddress | null;
  readonly flags: readonly string[];
}

/**
 * Reads CLUSTER NODES. `askedHost` stands in for the empty host that a node which has not been met
 * by another reports for itself. Handshakes are left out: they are not members yet.
 */
export function parseClusterNodes(text: string, askedHost: string | null): readonly ClusterNode[] {
  const nodes: ClusterNode[] = [];
  for (const line of text.split('\n')) {
    const [nodeId, location, flagText] = line.trim().split(' ');
    if (nodeId === undefined || location === undefined || flagText === undefined) continue;
    const flags = flagText.split(',');
    if (flags.includes('handshake')) continue;
    const hostPort = location.split(',')[0]?.split('@')[0] ?? '';
    const announced =
      hostPort.startsWith(':') && askedHost !== null ? askedHost + hostPort : hostPort;
    const address = flags.includes('noaddr') ? null : parseAnnounced(announced);
    nodes.push({ nodeId, address, flags });
  }
  return nodes;
}

/** Reads the flat list of fields and values with which Sentinel describes one instance. */
export function parseSentinelFields(reply: unknown): RedisFields | null {
  if (!Array.isArray(reply)) return null;
  const items: readonly unknown[] = reply;
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < items.length; at += 2) {
    const [field, value] = [items[at], items[at + 1]];
    if (typeof field === 'string' && typeof value === 'string') fields.set(field, value);
  }
  return fields;
}

/** The address in a description by Sentinel. */
export function sentinelAddress(fields: RedisFields): RedisAddress | null {
  return parseAnnounced(`${fields.get('ip') ?? ''}:${fields.get('port') ?? ''}`);
}

/** An announced IPv6 address carries no brackets: the port follows the last colon. */
function parseAnnounced(text: string): RedisAddress | null {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon);
  return parseHostPort(
    host.includes(':') && !host.startsWith('[') ? `[${host}]${text.slice(colon)}` : text,
  );
}
