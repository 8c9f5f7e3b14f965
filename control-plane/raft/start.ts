/** What a core is started with: what its disk holds, and whom it takes for members until its log says so. */

import type { Configuration } from '../model/configuration.ts';
import type { HardState, LogEntry, SnapshotPlace } from '../model/log-entry.ts';

export interface RaftStart {
  readonly hardState: HardState;
  readonly snapshot: SnapshotPlace | null;
  /** All that are held, successive; the first is at or below the snapshot's index + 1. */
  readonly entries: readonly LogEntry[];
  /**
   * In force while neither snapshot nor log has a configuration: the same on each of the first members,
   * NO_CONFIGURATION on one that waits to be added.
   */
  readonly bootstrap: Configuration;
}
