/** One fault that can be planted. It says nothing of how that is done; plant-loader.ts does it. */

import type { InvariantName } from '../violation.ts';

export interface Plant {
  /** kebab-case; the name of the flag. */
  readonly name: string;
  /** What would be broken, for the table. */
  readonly breaks: string;
  readonly invariantExpected?: InvariantName;
  /** Relative to the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}
