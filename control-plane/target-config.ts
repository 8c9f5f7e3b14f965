/**
 * How a member reaches what runs replicas outside its own host: Kubernetes, Nomad and receivers of
 * webhooks. Each is off unless its first setting is given; the others belong to it, and are held against
 * it here. One setting's own text is read by config.ts.
 */

import { statSync } from 'node:fs';
import { parseUrl } from './setting-values.ts';

export interface KubernetesConfig {
  /** The service account of the member's own pod, or a kubeconfig file. */
  readonly access:
    | { readonly kind: 'in_cluster' }
    | { readonly kind: 'kubeconfig'; readonly path: string; readonly context: string | null };
  /** The only ones in which anything is scaled; at least one. */
  readonly namespaces: readonly string[];
  readonly kinds: readonly KubernetesKind[];
}

export interface KubernetesKind {
  /** e.g. apps/v1. */
  readonly apiVersion: string;
  /** e.g. Deployment. */
  readonly resource: string;
}

export interface NomadConfig {
  /** http or https, without a path. */
  readonly address: string;
  readonly tokenFile: string | null;
  /** All null, and the system's authorities count. */
  readonly tls: {
    readonly caFile: string | null;
    readonly certificateFile: string | null;
    readonly keyFile: string | null;
  };
  /** The only ones in which anything is scaled; at least one. */
  readonly namespaces: readonly string[];
  readonly variablesNamespace: string;
}

export interface WebhookConfig {
  readonly secretsDirectory: string;
  /** Null: the system's authorities. */
  readonly caFile: string | null;
}

/** Which settings were given, and where to say what is wrong with that. */
export interface GivenSettings {
  isGiven(name: string): boolean;
  problem(line: string): void;
}

/** More of them are a mistake: a watch is kept for each. */
const NAMES_MAX = 64;

/** `in-cluster`, or the path of a kubeconfig file that is there. */
export function parseKubernetesAccess(
  text: string,
): { readonly kind: 'in_cluster' } | { readonly kind: 'kubeconfig'; readonly path: string } {
  if (text === 'in-cluster') return { kind: 'in_cluster' };
  if (!statSync(text).isFile()) throw new Error(`${text} is not a file`);
  return { kind: 'kubeconfig', path: text };
}

/** `a,b`: one name or more, each once. */
export function parseNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name));
  if (wrong !== undefined) {
    throw new Error(`expected names with commas between them; got ${JSON.stringify(wrong)}`);
  }
  if (new Set(names).size < names.length) throw new Error('one name stands there twice');
  if (names.length > NAMES_MAX) throw new Error(`expected at most ${NAMES_MAX} names`);
  return names;
}

/** `apps/v1/Deployment,apps/v1/StatefulSet`. */
export function parseKinds(text: string): readonly KubernetesKind[] {
  const kinds = text.split(',').map((entry): KubernetesKind => {
    const match = /^((?:[a-z0-9][a-z0-9.-]*\/)?v[a-z0-9]+)\/([A-Z][A-Za-z0-9]*)$/.exec(
      entry.trim(),
    );
    const [, apiVersion, resource] = match ?? [];
    if (apiVersion === undefined || resource === undefined) {
      const got = JSON.stringify(entry.trim());
      throw new Error(`expected group/version/Kind such as apps/v1/Deployment; got ${got}`);
    }
    return { apiVersion, resource };
  });
  if (kinds.length > NAMES_MAX) throw new Error(`expected at most ${NAMES_MAX} kinds`);
  return kinds;
}

/** Where Nomad's API is: a URL without path, user or query. */
export function parseNomadAddress(text: string): string {
  const url = new URL(parseUrl(text));
  const isBare = url.pathname === '/' && url.search === '' && url.username === '';
  if (!isBare) throw new Error(`expected a URL without path, user and query; got ${url.origin}/…`);
  return url.origin;
}

export function parseDirectory(path: string): string {
  if (!statSync(path).isDirectory()) throw new Error(`${path} is not a directory`);
  return path;
}

/** Settings without the one that they belong to: they would do nothing, without a word. */
export function withoutSwitch(
  given: GivenSettings,
  names: { readonly switch: string; readonly others: readonly string[] },
): void {
  if (given.isGiven(names.switch)) return;
  for (const name of names.others) {
    if (given.isGiven(name)) given.problem(`${name}: give ${names.switch} with it, or unset it`);
  }
}
