/** The event loop's lag. */

import assert from 'node:assert/strict';
import { monitorEventLoop } from '../../../../control-plane/telemetry/event-loop.ts';
import { until } from '../../../support/postgres.ts';

describe('event loop monitor', () => {
  it('sees a blocked loop, and shows it to every reader of the window', async () => {
    const monitor = monitorEventLoop(10, 60_000);
    try {
      // The monitor's timer has to run before the block, or there is nothing to be late for.
      await until(() => monitor.read().meanSeconds > 0, 5000);
      const endsAt = performance.now() + 200;
      while (performance.now() < endsAt);
      await until(() => monitor.read().maxSeconds > 0.1, 5000);
      assert.ok(monitor.read().maxSeconds > 0.1);
      assert.ok(monitor.read().maxSeconds < 5);
    } finally {
      monitor.stop();
    }
  });

  it('forgets a block once the window after its own has passed', async () => {
    const monitor = monitorEventLoop(10, 50);
    try {
      await until(() => monitor.read().meanSeconds > 0, 5000);
      const endsAt = performance.now() + 300;
      while (performance.now() < endsAt);
      await until(() => monitor.read().maxSeconds > 0.2, 5000);
      await until(() => monitor.read().maxSeconds < 0.2, 5000);
    } finally {
      monitor.stop();
    }
  });
});
