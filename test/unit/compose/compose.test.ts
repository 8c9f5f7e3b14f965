/** What holds for every service of docker-compose.yml, without Docker: read as YAML, with its anchors. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS as AGENT_SETTINGS } from '../../../agents/config.ts';
import { SETTINGS } from '../../../control-plane/settings.ts';
import { KEY_FILE, SECRETS } from '../../../demo/launcher/secrets.ts';
import { composeFile, environmentOf, mountsOf } from '../../support/compose-file.ts';
import { namesIn, ROOT, textOf } from '../../support/source-tree.ts';

const compose = composeFile();
const services = Object.entries(compose.services);
const MEMBERS = ['control-plane-1', 'control-plane-2', 'control-plane-3'];
/** It must open the socket, which is root's on most hosts; it has no capability all the same. */
const ROOT_USERS: readonly string[] = ['docker-proxy'];

describe('docker-compose.yml', () => {
  it('has the services of the stack', () => {
    assert.deepEqual(
      services.map(([name]) => name).sort(),
      [
        ...['agent', 'alertmanager', 'api', ...MEMBERS, 'demo-front', 'demo-load', 'docker-proxy'],
        ...['grafana', 'postgres', 'prometheus', 'redis', 'tempo'],
      ].sort(),
    );
  });

  it('uses nothing that docker-compose 1.29 does not know', () => {
    const known = ['services', 'networks', 'volumes', 'secrets'];
    const unknown = Object.keys(compose).filter(
      (key) => !known.includes(key) && !key.startsWith('x-'),
    );
    assert.deepEqual(unknown, []);
    for (const [name, service] of services) {
      for (const key of ['pull_policy', 'develop', 'deploy', 'gpus', 'env_file', 'extends']) {
        assert.ok(!(key in service), `${name}.${key}`);
      }
    }
  });

  it('mentions every variable that it takes, and no other', () => {
    const text = textOf('docker-compose.yml');
    const head = text.slice(0, text.indexOf('\nx-'));
    const taken = namesIn(text, /\$\{(OMNIMIND_[A-Z_]+)/g);
    assert.deepEqual(namesIn(head, /\b(OMNIMIND_[A-Z_]+)\b/g), taken);
    // Each has a value when nobody sets it.
    assert.equal(text.match(/\$\{/g)?.length, text.match(/\$\{OMNIMIND_[A-Z_]+:-[^}]+\}/g)?.length);
  });

  it('publishes Grafana and the API alone, on loopback unless told otherwise', () => {
    const published = services.filter(([, { ports }]) => ports !== undefined);
    assert.deepEqual(published.map(([name]) => name).sort(), ['api', 'grafana']);
    for (const [name, { ports = [] }] of published) {
      assert.equal(ports.length, 1, name);
      assert.match(ports[0] ?? '', /^\$\{OMNIMIND_PUBLISH_ADDRESS:-127\.0\.0\.1\}:/, name);
    }
    for (const [name, { network_mode: mode }] of services) assert.equal(mode, undefined, name);
  });

  it('lets the members alone reach the socket proxy, and only who must leave the host', () => {
    const on = (network: string): readonly string[] =>
      services.filter(([, { networks }]) => networks.includes(network)).map(([name]) => name);
    assert.deepEqual([...on('docker')].sort(), [...MEMBERS, 'docker-proxy'].sort());
    assert.deepEqual(compose.services['docker-proxy']?.networks, ['docker']);
    assert.deepEqual([...on('edge')].sort(), ['api', 'grafana']);
    assert.deepEqual(on('egress'), ['alertmanager']);
    const open = Object.entries(compose.networks).filter(([, { internal }]) => internal !== true);
    assert.deepEqual(open.map(([name]) => name).sort(), ['edge', 'egress']);
    const used = new Set(services.flatMap(([, { networks }]) => networks));
    assert.deepEqual([...used].sort(), Object.keys(compose.networks).sort());
  });

  it('can be started without Grafana, Tempo, and all that nobody needs to begin with', () => {
    const needed = new Set(
      services.flatMap(([, { depends_on: needs = {} }]) => Object.keys(needs)),
    );
    assert.deepEqual([...needed].sort(), [
      'api',
      ...MEMBERS,
      'demo-front',
      'docker-proxy',
      'postgres',
    ]);
  });

  it('names every secret that the bootstrap makes, each mounted somewhere, and no other', () => {
    const made = [...SECRETS, KEY_FILE].map(({ name }) => name).sort();
    assert.deepEqual(Object.keys(compose.secrets).sort(), made);
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      assert.equal(file, `.secrets/${name}`);
    }
    const mounted = new Set(services.flatMap(([, { secrets = [] }]) => secrets));
    assert.deepEqual([...mounted].sort(), made);
    assert.match(textOf('.gitignore'), /^\.secrets\/$/m);
    assert.match(textOf('.dockerignore'), /^\*$/m);
  });
});

for (const [name, service] of services) {
  describe(`the service ${name}`, () => {
    it('has an image of one version', () => {
      // Of the members it is a variable, so that they can be upgraded one after the other.
      const image = service.image.replace(/\$\{OMNIMIND_CONTROL_PLANE_VERSION:-(.*)\}$/, '$1');
      assert.equal(image !== service.image, MEMBERS.includes(name));
      assert.match(image, /^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?$/);
      if (!image.startsWith('omnimind-')) return;
      const { version } = JSON.parse(textOf('package.json')) as { version: string };
      assert.ok(image.endsWith(`:${version}`), image);
    });

    it('may do nothing that it does not need', () => {
      assert.equal(service.read_only, true);
      assert.deepEqual(service.cap_drop, ['ALL']);
      assert.equal(service.cap_add, undefined);
      assert.equal(service.privileged, undefined);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true']);
      assert.match(service.tmpfs?.join() ?? '', /^\/tmp:rw,noexec,nosuid,nodev,size=/);
      const user = service.user?.replace(/^\$\{[A-Z_]+:-(.*)\}$/, '$1') ?? 'root';
      const isRoot = /^(0|root)(:|$)/.test(user);
      assert.equal(isRoot, ROOT_USERS.includes(name), user);
      if (service.build !== undefined) assert.match(user, /^[1-9]\d+:[1-9]\d+$/);
    });

    it('is bounded in memory, processes and logs', () => {
      assert.match(service.mem_limit ?? '', /^\d+[mg]$/);
      assert.ok((service.pids_limit ?? 0) > 0);
      assert.equal(service.logging?.driver, 'json-file');
      assert.deepEqual(Object.keys(service.logging.options).sort(), ['max-file', 'max-size']);
    });

    it('comes back by itself, says whether it is healthy, and has time to stop', () => {
      assert.equal(service.restart, 'unless-stopped');
      const { test, interval, timeout, retries, start_period: start } = service.healthcheck ?? {};
      assert.match(test?.[0] ?? '', /^CMD(-SHELL)?$/);
      assert.ok([interval, timeout, start].every((text) => /^\d+s$/.test(text ?? '')));
      assert.ok((retries ?? 0) >= 2);
      assert.match(service.stop_grace_period ?? '', /^\d+s$/);
    });

    it('waits for health, not for a start, of what it needs', () => {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        assert.equal(condition, 'service_healthy', needed);
        assert.ok(needed in compose.services, needed);
      }
    });

    it('gets secrets as files alone', () => {
      for (const [variable, value] of Object.entries(environmentOf(service))) {
        const isSecret = /PASSWORD|SECRET|TOKEN|_KEY\b|API_KEYS|KEY_FILE/.test(variable);
        if (isSecret) {
          assert.match(variable, /_FILE$/);
          const [, file = ''] = /^\/run\/secrets\/([a-z-]+)$/.exec(value) ?? [];
          assert.ok(service.secrets?.includes(file), `${variable}=${value}`);
        }
        assert.doesNotMatch(value, /:\/\/[^/@]*:[^/@]*@/, `${variable} has a password`);
      }
      assert.doesNotMatch(JSON.stringify(service.command ?? []), /requirepass [^%]|password=/i);
    });

    it('mounts files of the project that are there, and nothing that it could write to', () => {
      for (const { source, target, mode } of mountsOf(service)) {
        const isVolume = /^[a-z]/.test(source);
        if (isVolume) assert.ok(source in compose.volumes, source);
        else if (target !== '/var/run/docker.sock') assert.equal(mode, 'ro', source);
        if (source.startsWith('./')) assert.ok(existsSync(join(ROOT, source)), source);
      }
    });

    it('is told settings that exist', () => {
      const known = [...SETTINGS, ...AGENT_SETTINGS].map((setting) => setting.name as string);
      for (const variable of Object.keys(environmentOf(service))) {
        if (variable.startsWith('OMNIMIND_')) assert.ok(known.includes(variable), variable);
      }
    });
  });
}

describe('the images', () => {
  const files = ['control-plane/Dockerfile', 'agents/Dockerfile', 'demo/Dockerfile'];
  for (const file of files) {
    it(`of ${file} are built in stages, run as nobody in particular, and can be asked for their health`, () => {
      const text = textOf(file);
      const bases = [...text.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
      assert.ok(bases.length >= 3);
      assert.ok(bases.every((base) => base === 'node:24-slim' || base === 'packages'));
      assert.match(text, /^USER 10001:10001$/m);
      assert.match(text, /^HEALTHCHECK /m);
      assert.match(text, /^STOPSIGNAL SIGTERM$/m);
      assert.match(text, /npm ci --omit=dev --ignore-scripts/);
      // What Docker has built for one it need not build for the others.
      const head = (path: string): string => {
        const all = textOf(path);
        return all.slice(all.indexOf('FROM'), all.indexOf('FROM packages'));
      };
      assert.equal(head(file), head(files[0] ?? ''));
    });
  }
});
