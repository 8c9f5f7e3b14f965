import assert from 'node:assert/strict';
import {
  createGpuCollector,
  type GpuCollector,
  type GpuCollectorOptions,
} from '../../../agents/collectors/gpu.ts';
import {
  IMPATIENT,
  createBench,
  fastOptions,
  processesOf,
  scrape,
  scrapeUntil,
  type Bench,
} from '../../support/nvml-stand-in/harness.ts';
import { pollUntil } from '../../support/process.ts';

const A = 'uuid="GPU-11111111-0000-0000-0000-000000000000"';
const B = 'uuid="GPU-11111111-0000-0000-0000-000000000001"';

describe('GPU collector over nvidia-smi', () => {
  let bench: Bench;
  let collector: GpuCollector;

  async function begin(mode: string, changes: Partial<GpuCollectorOptions> = {}): Promise<void> {
    bench = createBench();
    bench.mode(mode);
    collector = createGpuCollector({ ...fastOptions(bench), backend: 'smi', ...changes });
    await collector.start();
  }

  function failed(reason: string): Promise<unknown> {
    return scrapeUntil(collector, (now) => now.get(`source_failed{reason="${reason}"}`) === 1);
  }

  afterEach(async () => {
    const startedMs = performance.now();
    await collector.stop();
    assert.ok(performance.now() - startedMs < 1000, 'stop() took a second');
    await pollUntil('no process is left', 10_000, () => processesOf(bench).length === 0);
    assert.equal(bench.smiOverlaps(), '', 'two nvidia-smi at a time');
    bench.dispose();
  });

  it('streams both GPUs from one process, however often it is scraped', async () => {
    await begin('ok');
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    assert.equal(samples.get('backend_info{backend="smi"}'), 1);
    assert.equal(samples.get('devices'), 2);
    assert.equal(samples.get(`utilization_ratio{${B}}`), 0.87);
    assert.equal(samples.get(`memory_used_bytes{${A}}`), 70_000 * 2 ** 20);
    assert.equal(samples.get(`power_watts{${A}}`), 412.35);
    assert.equal(samples.get(`clock_event_reason{${A},reason="sw_power_cap"}`), 1);
    assert.equal(samples.has(`fan_speed_ratio{${A}}`), false);
    assert.equal(
      [...samples.keys()].some((series) => series.startsWith('xid_')),
      false,
    );
    const first = samples.get('last_success_timestamp_seconds') ?? 0;
    await scrapeUntil(collector, (now) => (now.get('last_success_timestamp_seconds') ?? 0) > first);
    for (let times = 0; times < 20; times += 1) await scrape(collector);
    assert.equal(bench.smiStarts().length, 1);
  });

  it('waits for a slow start', async () => {
    await begin('slow');
    await scrapeUntil(collector, (now) => now.get('available') === 1);
    assert.equal(bench.smiStarts().length, 1);
  });

  for (const mode of ['hang', 'hang_later']) {
    it(`kills a tool that hangs and ignores SIGTERM (${mode}), never runs two, and recovers`, async () => {
      await begin(mode, IMPATIENT);
      const hung = await scrapeUntil(
        collector,
        (now) => now.get('driver_hung') === 1 && now.get('available') === 0,
      );
      assert.ok(hung.tookMs < 50);
      assert.match(collector.lastError() ?? '', /driver_hung/);
      await pollUntil('a second start', 10_000, () => bench.smiStarts().length >= 2);
      bench.mode('ok');
      const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
      assert.equal(samples.get('driver_hung'), 0);
    });
  }

  for (const mode of ['not_available', 'not_supported', 'unknown_error']) {
    it(`exports no value for cells that say so (${mode})`, async () => {
      await begin(mode);
      const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
      assert.equal(samples.get('devices'), 2);
      for (const name of ['utilization_ratio', 'power_watts', 'memory_total_bytes']) {
        assert.equal(samples.has(`${name}{${A}}`), false, name);
      }
      const errors = samples.get(`read_errors_total{${A}}`) ?? 0;
      assert.equal(errors > 0, mode === 'unknown_error');
    });
  }

  for (const mode of ['corrupt', 'not_numbers']) {
    it(`rejects and counts cells that cannot be true (${mode})`, async () => {
      await begin(mode);
      const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
      assert.equal(samples.has(`utilization_ratio{${A}}`), false);
      assert.ok((samples.get('invalid_samples_total{field="utilization_ratio"}') ?? 0) >= 2);
    });
  }

  it('takes garbage for what it is', async () => {
    await begin('garbage', IMPATIENT);
    await failed('malformed');
    const { samples } = await scrape(collector);
    assert.equal(samples.get('available'), 0);
    // The child reads the tool; nothing of the garbage reaches the agent.
    assert.equal(samples.get('child_garbage_lines_total'), 0);
  });

  it('names exit code 255 and what the tool said', async () => {
    await begin('exit_255');
    await failed('driver_error');
    assert.match(collector.lastError() ?? '', /code 255.*Unable to determine the device handle/);
  });

  it('names a driver mismatch', async () => {
    await begin('mismatch');
    await failed('driver_mismatch');
  });

  it('marks a GPU that the tool no longer lists as lost', async () => {
    await begin('vanish');
    await scrapeUntil(collector, (now) => now.get('devices') === 2);
    const { samples } = await scrapeUntil(collector, (now) => now.get(`lost{${B}}`) === 1);
    assert.equal(samples.get('devices'), 1);
    assert.equal(samples.get(`utilization_ratio{${A}}`), 0.87);
  });

  it('asks an older tool for what it knows', async () => {
    await begin('old');
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    assert.equal(samples.get(`clock_event_reason{${A},reason="sw_thermal_slowdown"}`), 1);
    assert.equal(samples.has(`recovery_action{${A}}`), false);
    assert.equal(samples.get(`utilization_ratio{${A}}`), 0.87);
  });

  for (const [title, mode, path] of [
    ['"No devices were found"', 'no_devices', null],
    ['a missing tool', 'ok', '/nowhere/nvidia-smi'],
  ] as const) {
    it(`takes ${title} for a host without a GPU`, async () => {
      await begin(mode, path === null ? {} : { nvidiaSmiPath: path });
      await pollUntil('a process', 10_000, () => processesOf(bench).length > 0);
      await pollUntil('no process is left', 10_000, () => processesOf(bench).length === 0);
      const { samples } = await scrape(collector);
      assert.equal(samples.get('available'), 0);
      assert.equal(collector.lastError(), null);
      assert.equal(samples.get('child_restarts_total'), 0);
    });
  }

  it('leaves no tool behind when its child is killed', async () => {
    await begin('ok');
    await scrapeUntil(collector, (now) => now.get('available') === 1);
    const child = processesOf(bench).find((line) => line.includes('child.ts'));
    process.kill(Number(child?.trim().split(' ')[0]), 'SIGKILL');
    await scrapeUntil(collector, (now) => now.get('child_restarts_total') === 1);
    await pollUntil('a second start', 10_000, () => bench.smiStarts().length === 2);
  });
});
