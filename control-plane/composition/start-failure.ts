/**
 * What to tell a person when a member does not start: one message for what may be expected (a
 * setting, a document, a port, a disk), which names the thing and what to do. Anything else is a bug
 * and is left to be shown whole.
 */

import { DocumentFilesError } from '../adapters/document-files/yaml-files.ts';
import { LogDamageError, LogFailedError, LogLockedError } from '../adapters/log/damage.ts';
import type { Config } from '../config.ts';
import { ConfigError } from '../config.ts';
import { ApiKeyFileError } from '../http/api-keys.ts';
import { InsecureListenError } from '../http/server.ts';
import { DeadlineError } from '../loops/deadline.ts';
import { DocumentsRefusedError } from '../loops/documents.ts';
import { ClusterFileError } from './cluster.ts';
import { ConsensusError } from '../ports/consensus.ts';
import { DecisionStoreError } from '../ports/decision-store.ts';
import { ScaleTargetError } from '../ports/scale-target.ts';
import { withoutCredentials } from '../telemetry/logs.ts';

export interface StartFailure {
  /** For standard error; no stack, no credentials. */
  readonly message: string;
  /** 2 for wrong settings, which no restart will mend; 1 for everything else. */
  readonly exitCode: 1 | 2;
}

/** Null for a bug. The configuration is null when it was wrong itself. */
export function explainStartFailure(error: unknown, config: Config | null): StartFailure | null {
  if (error instanceof ConfigError) return { message: error.message, exitCode: 2 };
  const why = config === null ? null : explain(error, config);
  if (why === null) return null;
  return { message: withoutCredentials(`the control plane cannot start: ${why}`), exitCode: 1 };
}

function explain(error: unknown, config: Config): string | null {
  if (error instanceof DocumentFilesError) {
    const faults = error.message.replaceAll(/^/gm, '  ');
    return `the documents in ${error.directory} are wrong\n${faults}`;
  }
  if (error instanceof LogDamageError) {
    return `${error.message}\n  Nothing was changed. ${afterDamage(config)}`;
  }
  if (error instanceof LogLockedError) {
    return `another control plane uses ${config.dataDirectory}\n  ${error.message}`;
  }
  if (EXPECTED.some((kind) => error instanceof kind)) return withCauses(error);
  return systemFailure(error, config);
}

/**
 * An older copy of a log has forgotten what its member has promised to the others, who count on it: only
 * a member that is alone may come back with one.
 */
function afterDamage({ dataDirectory, memberId, raft }: Config): string {
  if (raft.listen === null) return `Restore ${dataDirectory} from a backup.`;
  return (
    'Do not restore an older copy, whose promises to the other members are lost: remove this member at ' +
    `another one (DELETE /v1/members/${memberId}), empty ${dataDirectory}, start it with ` +
    'OMNIMIND_CLUSTER_JOIN=on and without OMNIMIND_CLUSTER_MEMBERS, and add it again (POST /v1/members).'
  );
}

const EXPECTED = [
  ApiKeyFileError,
  ClusterFileError,
  ConsensusError,
  DeadlineError,
  DecisionStoreError,
  DocumentsRefusedError,
  InsecureListenError,
  LogFailedError,
  ScaleTargetError,
] as const;

/** The system's word for a port, a path or a permission; errors of Node's own API have no system call. */
function systemFailure(error: unknown, config: Config): string | null {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return null;
  const { message, code } = error;
  if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') return message;
  const hint = code === 'EADDRINUSE' ? '; something else listens there' : '';
  const { listen, raft } = config;
  const isRaft = raft.listen !== null && 'port' in error && error.port === raft.listen.port;
  const { host, port } = isRaft ? raft.listen : listen;
  const setting = isRaft ? 'OMNIMIND_RAFT_LISTEN' : 'OMNIMIND_LISTEN';
  return `cannot listen on ${host}:${port} (${setting})${hint}: ${message}`;
}

/** What was tried, and why it failed, in one line; a cause that its effect quotes is not repeated. */
function withCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = withCauses(error.cause);
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}
