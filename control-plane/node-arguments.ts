/**
 * Arguments of Node.js that a member is started with, before the program.
 *
 * The young generation is kept small and is collected by one thread. A collection stops the event loop
 * for as long as it takes to copy what has survived since the one before, and of a log under load
 * nearly everything does: with V8's own 16 MiB and more that was 10 to 25 ms three times a second, for
 * which commands, heartbeats and leases wait; with these it is 4 to 7 ms. The helper threads of a
 * collection wait for a processor on a busy host, and the event loop for them.
 */
export const MEMBER_NODE_ARGUMENTS: readonly string[] = [
  '--max-semi-space-size=4',
  '--no-parallel-scavenge',
];
