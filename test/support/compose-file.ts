/** docker-compose.yml as Compose reads it: anchors merged, variables left as they are. */

import { parse } from 'yaml';
import { textOf } from './source-tree.ts';

export interface ComposeService {
  readonly image: string;
  readonly build?: unknown;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly privileged?: boolean;
  readonly security_opt?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly logging?: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
  };
  readonly restart?: string;
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly timeout: string;
    readonly retries: number;
    readonly start_period: string;
  };
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly environment?: Readonly<Record<string, string | number | boolean>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly network_mode?: string;
  readonly command?: string | readonly string[];
  readonly profiles?: readonly string[];
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

export function composeFile(): ComposeFile {
  return parse(textOf('docker-compose.yml'), { merge: true }) as ComposeFile;
}

export function environmentOf(service: ComposeService): Readonly<Record<string, string>> {
  const entries = Object.entries(service.environment ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly mode: string | null;
}

/** The colons inside of a variable with a default are none of the mount's. */
export function mountsOf(service: ComposeService): readonly Mount[] {
  return (service.volumes ?? []).map((text) => {
    const [source = '', target = '', mode] = text
      .replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1')
      .split(':');
    return { source, target, mode: mode ?? null };
  });
}
