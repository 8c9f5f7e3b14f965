/**
 * What the settings of a cluster mean for consensus: the configuration that is in force before there
 * is a log, and what this member shows to be known as one. It opens nothing but the files that the
 * settings name.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from '../config.ts';
import { configurationText, NO_CONFIGURATION } from '../model/configuration.ts';
import type { Configuration } from '../model/configuration.ts';

type ClusterSettings = Pick<Config, 'memberId' | 'cluster' | 'raft'>;

/** A file that the settings name cannot be read. */
export class ClusterFileError extends Error {
  override readonly name = 'ClusterFileError';
}

/** In force while neither the log nor a snapshot has one; later changes are in the log alone. */
export function bootstrapConfiguration({
  memberId,
  cluster,
  raft,
}: ClusterSettings): Configuration {
  if (cluster.join) return NO_CONFIGURATION;
  const members = cluster.members ?? [{ memberId, address: raft.advertise ?? '' }];
  return {
    ...NO_CONFIGURATION,
    voters: members.map((member) => member.memberId),
    addresses: Object.fromEntries(members.map((member) => [member.memberId, member.address])),
  };
}

export interface ClusterCredentials {
  readonly clusterName: string;
  readonly clusterDigest: string | null;
  readonly secret: Buffer | null;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } | null;
}

/**
 * @param isNew nothing is in this member's log yet. Only then its list of first voters says which
 * cluster it belongs to: afterwards the log does, and the list may have been edited since
 * @throws ClusterFileError
 */
export async function readCredentials(
  settings: ClusterSettings,
  isNew: boolean,
): Promise<ClusterCredentials> {
  const { cluster, raft } = settings;
  const { caFile, certFile, keyFile } = raft.tls;
  const secret = raft.secret === null ? null : Buffer.from(raft.secret.reveal());
  const named = isNew && cluster.members !== null;
  const tls =
    caFile === null || certFile === null || keyFile === null
      ? null
      : {
          ca: await read('OMNIMIND_RAFT_TLS_CA_FILE', caFile),
          cert: await read('OMNIMIND_RAFT_TLS_CERT_FILE', certFile),
          key: await read('OMNIMIND_RAFT_TLS_KEY_FILE', keyFile),
        };
  const clusterDigest = named ? digestOf(bootstrapConfiguration(settings)) : null;
  return { clusterName: cluster.name, clusterDigest, secret, tls };
}

/** The same for all members that were given the same list, in whatever order. */
function digestOf(configuration: Configuration): string {
  return createHash('sha256').update(configurationText(configuration)).digest('hex');
}

async function read(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ClusterFileError(`${setting}: cannot read ${path}`, { cause });
  }
}
