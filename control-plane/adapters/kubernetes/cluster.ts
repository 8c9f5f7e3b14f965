/**
 * Where the API server is and as whom it is asked, from a kubeconfig file or the pod's own service
 * account, with the official client's reading of both. Tokens and certificates that rotate are read
 * anew. It makes no request, and takes no credential from anywhere else.
 */

import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesAccess } from './settings.ts';

export interface ClusterConnection {
  /** Without a slash at its end; paths of the API follow. */
  readonly server: string;
  readonly headers: OutgoingHttpHeaders;
  /** For calls, of which a bounded number run at once. */
  readonly calls: HttpAgent;
  /** For watches, which stay open. */
  readonly watches: HttpAgent;
}

export interface Cluster {
  /** Rejects with an Error that names what of the access is wrong. */
  connect(): Promise<ClusterConnection>;
  /** What was read may be out of date: it is read anew by the next connect. */
  forget(): void;
  close(): void;
}

export function createCluster(access: KubernetesAccess, callsMax: number): Cluster {
  let config: Promise<KubeConfig> | null = null;
  let agents: { readonly key: string; calls: HttpAgent; watches: HttpAgent } | null = null;
  const close = (): void => {
    agents?.calls.destroy();
    agents?.watches.destroy();
    agents = null;
  };
  return {
    async connect() {
      config ??= load(access);
      const loading = config;
      try {
        const { server, options } = await applied(await loading);
        const key = digestOf(server, options);
        if (agents?.key !== key) {
          close();
          agents = { key, ...agentsOf(server, options, callsMax) };
        }
        const { calls, watches } = agents;
        return { server, headers: headersOf(options), calls, watches };
      } catch (error) {
        if (config === loading) config = null;
        throw error;
      }
    },
    forget() {
      config = null;
    },
    close,
  };
}

/** The client's package is large: only who scales on Kubernetes loads it. */
async function load(access: KubernetesAccess): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  switch (access.kind) {
    case 'in_cluster':
      config.loadFromCluster();
      break;
    case 'kubeconfig':
      config.loadFromFile(access.path);
      if (access.context !== null) config.setCurrentContext(access.context);
  }
  return config;
}

async function applied(config: KubeConfig) {
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new Error(
      `the kubeconfig has no context "${config.getCurrentContext()}" with a cluster; it has ${known.join(', ') || 'none'}`,
    );
  }
  // What the client makes of a variable that is not there.
  if (cluster.server.startsWith('https://undefined')) {
    throw new Error(
      'KUBERNETES_SERVICE_HOST is not set: this member runs in no pod of a cluster; name a kubeconfig file',
    );
  }
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return { server: cluster.server.replace(/\/+$/, ''), options };
}

function headersOf({ headers, auth }: RequestOptions): OutgoingHttpHeaders {
  const given = Object.entries(headers ?? {}).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    // A token's file ends in a line break, which no header may hold.
    String(value).trim(),
  ]);
  const basic = typeof auth === 'string' ? Buffer.from(auth).toString('base64') : null;
  return {
    ...(basic !== null && { authorization: `Basic ${basic}` }),
    ...Object.fromEntries(given),
  };
}

/** Connections are kept for as long as what opened them: a rotated certificate gets new ones. */
function agentsOf(server: string, options: RequestOptions, callsMax: number) {
  // Through a proxy the client's own agent goes, which it keeps for one certificate.
  const proxied = options.agent;
  if (proxied instanceof HttpAgent && proxied.constructor.name.includes('Proxy')) {
    return { calls: proxied, watches: proxied };
  }
  const common = { keepAlive: true, keepAliveMsecs: 15_000, scheduling: 'lifo' } as const;
  if (server.startsWith('http:')) {
    return {
      calls: new HttpAgent({ ...common, maxSockets: callsMax }),
      watches: new HttpAgent(common),
    };
  }
  const tls = tlsOf(options);
  return {
    calls: new HttpsAgent({ ...common, ...tls, maxSockets: callsMax }),
    watches: new HttpsAgent({ ...common, ...tls }),
  };
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions) {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

function digestOf(server: string, options: RequestOptions): string {
  const hash = createHash('sha256').update(server);
  for (const part of Object.values(tlsOf(options))) hash.update(JSON.stringify(part));
  return hash.digest('hex');
}
