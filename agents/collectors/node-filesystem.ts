/**
 * Which file systems the host has, from the text of /proc/1/mounts, and their sizes as a source
 * measured them. It refuses to guess: a file system whose size is not known or too old has no size
 * here, and one that does not answer is named by omnimind_node_filesystem_stuck.
 */

import type { Emit } from '../collector.ts';
import { gauge } from '../family.ts';

export interface Mount {
  readonly device: string;
  readonly mountpoint: string;
  readonly fstype: string;
  readonly isReadonly: boolean;
  /** On another machine or in a user's process: it may never answer. */
  readonly isRemote: boolean;
}

/** As statfs(2) counts. */
export interface FilesystemSize {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly blocksFree: number;
  /** Free for others than root. */
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
}

export interface FilesystemState {
  readonly mount: Mount;
  /** Null when none is known that is fresh enough. */
  readonly size: FilesystemSize | null;
  readonly state: 'ok' | 'failed' | 'stuck';
}

/** Without files that anybody stores: the defaults of node_exporter, and ramfs. */
const EXCLUDED_TYPES =
  /^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|erofs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|ramfs|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$/;
const REMOTE_TYPES =
  /^(nfs4?|cifs|smb3?|smbfs|ncpfs|ceph|glusterfs|lustre|beegfs|gpfs|wekafs|9p|afs|ocfs2|gfs2|orangefs|pvfs2|davfs|virtiofs|fuse|fuse\..+)$/;
/** More mounts than this are left out: a bound on what one broken host can cost. */
const MOUNTS_MAX = 512;

const labels = ['device', 'mountpoint', 'fstype'] as const;
function sizeGauge(name: string, help: string) {
  return gauge(`omnimind_node_filesystem_${name}`, help, ...labels);
}
const size = sizeGauge('size_bytes', 'Size of the file system.');
const free = sizeGauge('free_bytes', 'Free space.');
const available = sizeGauge('available_bytes', 'Free space for others than root.');
const files = sizeGauge('files', 'Files (inodes) that the file system can hold.');
const filesFree = sizeGauge('files_free', 'Files (inodes) that can still be created.');
const readonly = sizeGauge('readonly', 'Whether the file system is mounted read-only.');
const failed = sizeGauge('error', 'Whether the file system refused to tell its size.');
const stuck = sizeGauge(
  'stuck',
  'Whether the file system did not answer in time; its size is dropped once stale.',
);

export const filesystemFamilies = [
  size,
  free,
  available,
  files,
  filesFree,
  readonly,
  failed,
  stuck,
];

/** Of several mounts at one point the last one counts: it hides the others. */
export function parseMounts(text: string, exclude: RegExp): readonly Mount[] {
  const byPoint = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const [device, mountpoint, fstype, options] = line.split(' ');
    if (device === undefined || mountpoint === undefined || fstype === undefined) continue;
    const point = unescape(mountpoint);
    byPoint.delete(point);
    if (EXCLUDED_TYPES.test(fstype) || exclude.test(point)) continue;
    byPoint.set(point, {
      device: unescape(device),
      mountpoint: point,
      fstype,
      isReadonly: options?.split(',').includes('ro') ?? false,
      isRemote: REMOTE_TYPES.test(fstype),
    });
  }
  return [...byPoint.values()].slice(0, MOUNTS_MAX);
}

export function emitFilesystems(states: readonly FilesystemState[], emit: Emit): void {
  for (const { mount, size: measured, state } of states) {
    const { device, mountpoint, fstype } = mount;
    emit(readonly, mount.isReadonly ? 1 : 0, device, mountpoint, fstype);
    emit(failed, state === 'failed' ? 1 : 0, device, mountpoint, fstype);
    emit(stuck, state === 'stuck' ? 1 : 0, device, mountpoint, fstype);
    if (measured === null) continue;
    const { blockBytes } = measured;
    emit(size, measured.blocks * blockBytes, device, mountpoint, fstype);
    emit(free, measured.blocksFree * blockBytes, device, mountpoint, fstype);
    emit(available, measured.blocksAvailable * blockBytes, device, mountpoint, fstype);
    // File systems without inodes (btrfs, most network ones) say 0: that is no count of files.
    if (measured.files === 0) continue;
    emit(files, measured.files, device, mountpoint, fstype);
    emit(filesFree, measured.filesFree, device, mountpoint, fstype);
  }
}

/** The kernel writes blanks, tabs, newlines and backslashes as \ooo; kernel files are read as bytes. */
function unescape(text: string): string {
  if (!/[\\\u0080-\u00ff]/.test(text)) return text;
  const bytes = text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
