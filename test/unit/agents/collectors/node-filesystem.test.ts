import assert from 'node:assert/strict';
import { emitFilesystems, parseMounts } from '../../../../agents/collectors/node-filesystem.ts';
import type { Mount } from '../../../../agents/collectors/node-filesystem.ts';
import { recordEmit } from '../../../support/recorded-emit.ts';

const MOUNTS = `proc /proc proc rw 0 0
/dev/vda / ext4 rw,relatime,discard 0 0
tmpfs /run tmpfs rw,nosuid 0 0
server:/export /mnt/my\\040data nfs4 ro,vers=4.2 0 0
/dev/vdb /mnt/caf\u00c3\u00a9 xfs rw 0 0
overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
/dev/vdc /var/lib/docker/plugins ext4 rw 0 0
user@host: /home/u/remote fuse.sshfs rw 0 0
tmpfs /run tmpfs ro,size=1 0 0
`;
const exclude = /^\/(dev|proc|sys|var\/lib\/docker\/.+)($|\/)/;

describe('mounts', () => {
  it('keeps those that store files, with their names unescaped', () => {
    assert.deepEqual(
      parseMounts(MOUNTS, exclude).map(({ mountpoint, fstype, isReadonly, isRemote }) => [
        mountpoint,
        fstype,
        isReadonly,
        isRemote,
      ]),
      [
        ['/', 'ext4', false, false],
        ['/mnt/my data', 'nfs4', true, true],
        ['/mnt/café', 'xfs', false, false],
        ['/home/u/remote', 'fuse.sshfs', false, true],
        ['/run', 'tmpfs', true, false],
      ],
    );
  });

  it('drops a mount that a later one without files hides', () => {
    assert.deepEqual(parseMounts('/dev/a /m ext4 rw 0 0\nautofs /m autofs rw 0 0\n', /^(?!)/), []);
  });

  it('bounds their number', () => {
    const text = Array.from({ length: 2000 }, (_, index) => `/dev/x /m${index} ext4 rw 0 0`);
    assert.equal(parseMounts(text.join('\n'), /^(?!)/).length, 512);
  });
});

describe('file systems', () => {
  const mount: Mount = {
    device: '/dev/vda',
    mountpoint: '/',
    fstype: 'ext4',
    isReadonly: false,
    isRemote: false,
  };
  const size = {
    blockBytes: 4096,
    blocks: 100,
    blocksFree: 60,
    blocksAvailable: 50,
    files: 1000,
    filesFree: 900,
  };
  const labels = '{device="/dev/vda",mountpoint="/",fstype="ext4"}';

  it('give bytes and files', () => {
    const { emit, samples } = recordEmit();
    emitFilesystems([{ mount, size, state: 'ok' }], emit);
    assert.equal(samples.get(`omnimind_node_filesystem_size_bytes${labels}`), 409_600);
    assert.equal(samples.get(`omnimind_node_filesystem_free_bytes${labels}`), 245_760);
    assert.equal(samples.get(`omnimind_node_filesystem_available_bytes${labels}`), 204_800);
    assert.equal(samples.get(`omnimind_node_filesystem_files_free${labels}`), 900);
    assert.equal(samples.get(`omnimind_node_filesystem_stuck${labels}`), 0);
  });

  it('give no size when none is known, and say why', () => {
    const { emit, samples } = recordEmit();
    emitFilesystems([{ mount, size: null, state: 'stuck' }], emit);
    assert.equal(samples.size, 3);
    assert.equal(samples.get(`omnimind_node_filesystem_stuck${labels}`), 1);
  });

  it('give no files where the file system does not count them', () => {
    const { emit, samples } = recordEmit();
    emitFilesystems([{ mount, size: { ...size, files: 0, filesFree: 0 }, state: 'ok' }], emit);
    assert.ok(![...samples.keys()].some((series) => series.includes('filesystem_files')));
  });
});
