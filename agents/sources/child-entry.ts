/**
 * Where the children of the agent live: beside the file that starts them, as TypeScript in the
 * source tree and as bundled script in a deployment. Children run with the flags of their parent.
 */

import { basename, dirname, extname, join } from 'node:path';

/** @param callerFile import.meta.filename of the caller; @param name of the entry without its ending. */
export function childEntry(callerFile: string, name: string): string {
  return join(dirname(callerFile), `${basename(name)}${extname(callerFile)}`);
}
