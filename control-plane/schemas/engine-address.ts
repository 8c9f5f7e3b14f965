/**
 * Where a Docker Engine is reached, from the URL that people know from DOCKER_HOST. Refuses what a URL
 * may hold beyond an address: users, paths and queries.
 */

/** A Unix socket, or a TCP port with or without TLS. */
export type EngineAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'url';
      readonly protocol: 'http' | 'https';
      readonly host: string;
      readonly port: number;
    };

/** The ports that Docker has without and with TLS. */
const DOCKER_PORTS = { http: 2375, https: 2376 } as const;

export function parseDockerUrl(text: string): EngineAddress {
  const path = /^unix:\/\/(\/[^\s?#]+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: 'socket', path };
  const match = /^(https?):\/\/([^\s/?#@]+)\/?$/.exec(text);
  const url = match !== null && URL.canParse(text) ? new URL(text) : null;
  if (url === null) {
    const expected = 'unix:///var/run/docker.sock, or http://host:port or https://host:port';
    throw new Error(`expected ${expected} and no more; got ${JSON.stringify(text)}`);
  }
  const protocol = url.protocol === 'https:' ? 'https' : 'http';
  const said = /:(\d+)\/?$/.exec(text)?.[1];
  return {
    kind: 'url',
    protocol,
    host: url.hostname,
    port: Number(said ?? DOCKER_PORTS[protocol]),
  };
}
