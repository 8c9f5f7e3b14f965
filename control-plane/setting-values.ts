/**
 * What one setting's text may mean: a parser per kind of value. Each throws an Error that says what
 * was expected; which setting it was is said by the caller.
 */

import { readFileSync } from 'node:fs';
import { parseDuration } from './schemas/duration.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A value that must not be printed: it shows itself only when asked. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toJSON(): string {
    return '[redacted]';
  }

  toString(): string {
    return '[redacted]';
  }
}

/** An IPv6 address stands in brackets in text, and without them in the result. */
export function parseHostPort(text: string): HostPort {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  const host = match?.[1];
  if (host === undefined || port > 65_535) {
    throw new Error(`expected host:port such as 127.0.0.1:7400; got ${JSON.stringify(text)}`);
  }
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

/** An address that others can be told: a port, and a host that means one. */
export function parseReachable(text: string): HostPort {
  const address = parseHostPort(text);
  const fault = unreachable(address);
  if (fault !== null) throw new Error(fault);
  return address;
}

/** Why nobody can be told the address; null when they can. */
export function unreachable({ host, port }: HostPort): string | null {
  if (isUnspecified(host)) return `${host} means every address of this host, and none to others`;
  return port === 0 ? 'port 0 means any port, and none to others' : null;
}

/** 0.0.0.0, ::, and other ways to write them. */
export function isUnspecified(host: string): boolean {
  return host === '*' || /^\[?[0.:]+\]?$/.test(host);
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function parsePorts(text: string): { portsFrom: number; portsTo: number } {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const portsFrom = Number(match?.[1]);
  const portsTo = Number(match?.[2]);
  if (match === null || portsFrom < 1 || portsTo > 65_535 || portsFrom > portsTo) {
    throw new Error(`expected a range such as 21000-21099; got ${JSON.stringify(text)}`);
  }
  return { portsFrom, portsTo };
}

export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    // Up to the @ there may be a password.
    const shown = text.replace(/^.*@/s, '…@');
    throw new Error(`expected an http:// or https:// URL; got ${JSON.stringify(shown)}`);
  }
  if (url.hash !== '')
    throw new Error('expected a URL without #; a server never gets what follows');
  return text;
}

export function parseDatabaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw new Error('expected a postgres:// URL');
  }
  return text;
}

/** What a secret's file holds, without the blanks around it. @throws Error when it is too short to be one */
export function readSecret(path: string, bytesMin: number): Secret {
  const text = readFileSync(path, 'utf8').trim();
  if (Buffer.byteLength(text) < bytesMin) {
    throw new Error(
      `${path} holds ${Buffer.byteLength(text)} bytes; expected at least ${bytesMin}`,
    );
  }
  return new Secret(text);
}

export function duration(minimumMs: number, maximumMs: number): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text);
    if (ms < minimumMs || ms > maximumMs) {
      throw new Error(`expected ${minimumMs} ms to ${maximumMs} ms; got ${text}`);
    }
    return ms;
  };
}

export function whole(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
      throw new Error(
        `expected a whole number from ${minimum} to ${maximum}; got ${JSON.stringify(text)}`,
      );
    }
    return value;
  };
}

export function oneOf<const Word extends string>(
  ...words: readonly Word[]
): (text: string) => Word {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined)
      throw new Error(`expected ${words.join(' or ')}; got ${JSON.stringify(text)}`);
    return word;
  };
}

export function matching(pattern: RegExp, meaning: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text))
      throw new Error(`expected a name ${meaning}; got ${JSON.stringify(text)}`);
    return text;
  };
}

export function notEmpty(text: string): string {
  if (text.trim() === '') throw new Error('expected a path; got blanks');
  return text;
}
