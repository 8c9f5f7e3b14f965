/** The agent's version: that of the package. */

import manifest from '../package.json' with { type: 'json' };

export const AGENT_VERSION: string = manifest.version;
