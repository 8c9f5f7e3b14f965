import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  createGpuCollector,
  type GpuCollector,
  type GpuCollectorOptions,
} from '../../../agents/collectors/gpu.ts';
import {
  IMPATIENT,
  createBench,
  fastOptions,
  noCompiler,
  processesOf,
  scrape,
  scrapeUntil,
  type Bench,
} from '../../support/nvml-stand-in/harness.ts';
import { pollUntil } from '../../support/process.ts';
import { skipBecause, skipWithout } from '../../support/skip.ts';

const A = 'uuid="GPU-00000000-0000-0000-0000-000000000000"';
const B = 'uuid="GPU-00000000-0000-0000-0000-000000000001"';
const reason = noCompiler();

describe('GPU collector over NVML', () => {
  let bench: Bench;
  let collector: GpuCollector;

  before(function () {
    if (reason !== null) skipBecause(this, reason);
    bench = createBench();
  });
  after(() => {
    if (reason === null) bench.dispose();
  });

  async function begin(
    control: Readonly<Record<string, string | number>> = {},
    changes: Partial<GpuCollectorOptions> = {},
  ): Promise<void> {
    bench.control(control);
    collector = createGpuCollector({ ...fastOptions(bench), ...changes });
    await collector.start();
  }

  afterEach(async () => {
    if (reason !== null) return;
    const startedMs = performance.now();
    await collector.stop();
    assert.ok(performance.now() - startedMs < 1000, 'stop() took a second');
    await pollUntil('no process is left', 10_000, () => processesOf(bench).length === 0);
  });

  it('exports the values of two GPUs in base units, and identity once', async () => {
    await begin();
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    const expected: Readonly<Record<string, number>> = {
      devices: 2,
      'backend_info{backend="nvml"}': 1,
      [`utilization_ratio{${A}}`]: 0.87,
      [`utilization_ratio{${B}}`]: 0.88,
      [`memory_utilization_ratio{${A}}`]: 0.41,
      [`encoder_utilization_ratio{${A}}`]: 0.03,
      [`decoder_utilization_ratio{${A}}`]: 0.04,
      [`memory_total_bytes{${A}}`]: 143_771 * 2 ** 20,
      [`memory_used_bytes{${A}}`]: 70_000 * 2 ** 20,
      [`memory_reserved_bytes{${A}}`]: 616 * 2 ** 20,
      [`temperature_celsius{${A}}`]: 61,
      [`memory_temperature_celsius{${A}}`]: 65,
      [`temperature_shutdown_celsius{${A}}`]: 92,
      [`temperature_slowdown_celsius{${A}}`]: 89,
      [`temperature_max_operating_celsius{${A}}`]: 87,
      [`power_watts{${A}}`]: 412.345,
      [`power_limit_watts{${A}}`]: 700,
      [`energy_joules_total{${A}}`]: 123_456_789.012,
      [`clock_sm_hertz{${A}}`]: 1.975e9,
      [`clock_video_max_hertz{${A}}`]: 1.545e9,
      [`performance_state{${A}}`]: 0,
      [`ecc_enabled{${A}}`]: 1,
      [`ecc_corrected_volatile_errors_total{${A}}`]: 1,
      [`ecc_uncorrected_volatile_errors_total{${A}}`]: 2,
      [`ecc_corrected_aggregate_errors_total{${A}}`]: 11,
      [`ecc_uncorrected_aggregate_errors_total{${A}}`]: 12,
      [`remapped_rows_corrected{${A}}`]: 5,
      [`remapped_rows_uncorrected{${A}}`]: 6,
      [`remapped_rows_pending{${A}}`]: 1,
      [`remapped_rows_failed{${A}}`]: 0,
      [`pcie_link_generation{${A}}`]: 5,
      [`pcie_link_width_max{${A}}`]: 16,
      [`pcie_replays_total{${A}}`]: 4,
      [`nvlink_up{${A},link="1"}`]: 1,
      [`nvlink_up{${A},link="2"}`]: 0,
      [`nvlink_replay_errors_total{${A}}`]: 30,
      [`nvlink_recovery_errors_total{${A}}`]: 32,
      [`nvlink_transmit_bytes_total{${A}}`]: 1_024_000,
      [`nvlink_receive_bytes_total{${A}}`]: 2_048_000,
      [`recovery_action{${A}}`]: 0,
      [`mig_enabled{${A}}`]: 0,
      [`clock_event_reason{${A},reason="sw_power_cap"}`]: 1,
      [`clock_event_reason{${A},reason="hw_power_brake_slowdown"}`]: 1,
      [`clock_event_reason{${A},reason="gpu_idle"}`]: 0,
      [`lost{${A}}`]: 0,
    };
    for (const [series, value] of Object.entries(expected)) {
      assert.equal(samples.get(series), value, series);
    }
    const info = [...samples.keys()].filter((series) => series.startsWith('info{'));
    assert.equal(info.length, 2);
    assert.match(
      info[0] ?? '',
      /name="NVIDIA H200",index="0",driver_version="580.173.02",cuda_version="13.0",pci_bus_id="00000000:83:00.0",serial="1650000000001"/,
    );
    assert.deepEqual(collector.inventory()[1], {
      uuid: 'GPU-00000000-0000-0000-0000-000000000001',
      name: 'NVIDIA H200',
      memoryBytes: 143_771 * 2 ** 20,
    });
  });

  it('leaves out what a GPU does not support, without an error', async () => {
    await begin({ none: 'nvmlDeviceGetPowerUsage,nvmlDeviceGetEccMode' });
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    const absent = ['power_watts', 'ecc_enabled', 'ecc_corrected_volatile_errors_total'];
    for (const name of [...absent, 'fan_speed_ratio', 'pcie_transmit_bytes_total']) {
      assert.equal(samples.has(`${name}{${A}}`), false, name);
    }
    // The second GPU has no MIG and no NVLink, and does not know its performance state.
    for (const name of ['mig_enabled', 'performance_state', 'nvlink_replay_errors_total']) {
      assert.equal(samples.has(`${name}{${B}}`), false, name);
    }
    assert.equal(samples.get(`read_errors_total{${A}}`), 0);
  });

  it('counts a read that fails for another reason, and exports the rest', async () => {
    await begin({ fail: 'nvmlDeviceGetTemperature' });
    const { samples } = await scrapeUntil(
      collector,
      (now) => (now.get(`read_errors_total{${A}}`) ?? 0) > 0,
    );
    assert.equal(samples.has(`temperature_celsius{${A}}`), false);
    assert.equal(samples.get(`power_watts{${A}}`), 412.345);
  });

  it('rejects and counts sentinels and impossible values', async () => {
    await begin({ corrupt: 1 });
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    const fields = [
      ...['utilization_ratio', 'memory_used_bytes', 'temperature_celsius', 'power_watts'],
      ...['energy_joules_total', 'ecc_corrected_volatile_errors_total'],
    ];
    for (const field of fields) {
      assert.equal(samples.has(`${field}{${A}}`), false, field);
      assert.ok((samples.get(`invalid_samples_total{field="${field}"}`) ?? 0) >= 2, field);
    }
    assert.ok((samples.get('invalid_samples_total{field="clock_event_reasons"}') ?? 0) >= 2);
    assert.equal(samples.get('invalid_samples_total{field="memory_total_bytes"}'), 0);
    assert.equal(samples.get('child_garbage_lines_total'), 0);
  });

  it('exports MIG instances with their memory, and no utilization made up for the parent', async () => {
    await begin({ mig: 1 });
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    const first = `${A},mig_uuid="MIG-00000000-0000-0000-0000-000000000000"`;
    const second = `${A},mig_uuid="MIG-00000000-0000-0000-0000-000000000001"`;
    assert.equal(samples.get(`mig_enabled{${A}}`), 1);
    const labels = 'name="NVIDIA H200 MIG 1g.18gb",gpu_instance="8",compute_instance="0"';
    assert.equal(samples.get(`mig_info{${second},${labels}}`), 1);
    assert.equal(samples.get(`mig_memory_total_bytes{${first}}`), 18_000 * 2 ** 20);
    assert.equal(samples.get(`mig_memory_used_bytes{${second}}`), 101 * 2 ** 20);
    assert.equal(samples.has(`utilization_ratio{${A}}`), false);
  });

  it('exports the largest processes by base name when asked to, and none by default', async () => {
    await begin({}, { processesMax: 1 });
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    const processes = [...samples].filter(([series]) => series.startsWith('process_memory_bytes'));
    assert.deepEqual(processes[0], [
      `process_memory_bytes{${A},pid="1002",name="trainer-1002"}`,
      3 * 2 ** 30,
    ]);
    assert.equal(processes.length, 2);
    assert.equal(samples.get(`compute_processes{${A}}`), 3);
  });

  it('counts XID events beside polling, known ones from 0', async () => {
    await begin();
    const before = await scrapeUntil(collector, (now) =>
      now.has(`xid_errors_total{${B},xid="79"}`),
    );
    assert.equal(before.samples.get(`xid_errors_total{${B},xid="79"}`), 0);
    assert.equal(before.samples.has(`xid_last_timestamp_seconds{${B},xid="79"}`), false);
    bench.control({ xid: '1:1:79' });
    await scrapeUntil(collector, (now) => now.get(`xid_errors_total{${B},xid="79"}`) === 1);
    bench.control({ xid: '2:1:79' });
    const { samples } = await scrapeUntil(
      collector,
      (now) => now.get(`xid_errors_total{${B},xid="79"}`) === 2,
    );
    const lastSeconds = samples.get(`xid_last_timestamp_seconds{${B},xid="79"}`) ?? 0;
    assert.ok(Math.abs(lastSeconds - Date.now() / 1000) < 10);
    assert.equal(samples.get(`xid_errors_total{${A},xid="79"}`), 0);
  });

  for (const lostHandle of [0, 1]) {
    it(`marks a GPU that falls off the bus as lost and goes on with the other (${lostHandle === 0 ? 'in a read' : 'at its handle'})`, async () => {
      await begin();
      await scrapeUntil(collector, (now) => now.get('devices') === 2);
      bench.control({ lost: 1, lostHandle });
      const { samples } = await scrapeUntil(collector, (now) => now.get(`lost{${B}}`) === 1);
      assert.equal(samples.get('devices'), 1);
      assert.equal(samples.get(`lost{${A}}`), 0);
      assert.equal(samples.has(`temperature_celsius{${B}}`), false);
      assert.equal(samples.get(`temperature_celsius{${A}}`), 61);
    });
  }

  it('marks a GPU that the driver no longer lists as lost', async () => {
    await begin();
    await scrapeUntil(collector, (now) => now.get('devices') === 2);
    bench.control({ count: 1 });
    const { samples } = await scrapeUntil(collector, (now) => now.get(`lost{${B}}`) === 1);
    assert.equal(samples.get('devices'), 1);
  });

  it('opens NVML anew in a fresh child while a GPU stays lost', async () => {
    const { timing } = fastOptions(bench);
    await begin({ lost: 1 }, { timing: { ...timing, reopenMs: 150 } });
    bench.control({});
    await scrapeUntil(collector, (now) => now.get('devices') === 2);
    bench.control({ lost: 1 });
    await scrapeUntil(collector, (now) => (now.get('child_restarts_total') ?? 0) >= 1);
    bench.control({});
    await scrapeUntil(collector, (now) => now.get('devices') === 2);
  });

  it('answers in milliseconds while a call hangs, drops stale values, says so, and recovers', async () => {
    await begin({}, IMPATIENT);
    await scrapeUntil(collector, (now) => now.get('available') === 1);
    bench.control({ hang: 'nvmlDeviceGetPowerUsage' });
    const slowest = { ms: 0 };
    const hung = await scrapeUntil(collector, (now) => {
      return now.get('driver_hung') === 1 && now.get('available') === 0;
    });
    for (let times = 0; times < 50; times += 1) {
      slowest.ms = Math.max(slowest.ms, (await scrape(collector)).tookMs);
    }
    assert.ok(slowest.ms < 50, `a scrape took ${slowest.ms} ms`);
    assert.equal(hung.samples.has(`power_watts{${A}}`), false);
    assert.equal(hung.samples.has(`temperature_celsius{${A}}`), false);
    assert.match(collector.lastError() ?? '', /driver_hung/);
    bench.control({});
    const well = await scrapeUntil(collector, (now) => now.get('available') === 1);
    assert.equal(well.samples.get('driver_hung'), 0);
    assert.ok((well.samples.get('child_restarts_total') ?? 0) >= 1);
  });

  it('kills a child that ignores SIGTERM while it hangs', async () => {
    await begin({}, IMPATIENT);
    await scrapeUntil(collector, (now) => now.get('available') === 1);
    bench.control({ stuck: 'nvmlDeviceGetPowerUsage' });
    await scrapeUntil(collector, (now) => now.get('driver_hung') === 1);
    bench.control({});
    await scrapeUntil(collector, (now) => now.get('driver_hung') === 0);
    assert.ok(processesOf(bench).length <= 1);
  });

  it('stops in time although its child hangs and ignores SIGTERM', async () => {
    await begin();
    await scrapeUntil(collector, (now) => now.get('available') === 1);
    bench.control({ stuck: 'nvmlDeviceGetPowerUsage' });
    await scrapeUntil(collector, (now) => now.get('available') === 0);
    // afterEach holds stop() to its second and looks for what is left.
  });

  it('survives a crash inside a call', async () => {
    await begin();
    await scrapeUntil(collector, (now) => now.get('available') === 1);
    bench.control({ crash: 'nvmlDeviceGetTemperature' });
    await scrapeUntil(collector, (now) => (now.get('child_restarts_total') ?? 0) >= 2);
    assert.match(collector.lastError() ?? '', /crashed.*SIGSEGV/);
    bench.control({});
    // What was read before the crash is fresh for a while; the error goes with the next reading.
    await pollUntil('no error', 10_000, () => collector.lastError() === null);
    await scrapeUntil(collector, (now) => now.get('available') === 1);
  });

  it('turns to nvidia-smi when NVML keeps crashing, in auto', async () => {
    bench.mode('ok');
    await begin({ crash: 'nvmlInit_v2' }, { backend: 'auto' });
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    assert.equal(samples.get('backend_info{backend="smi"}'), 1);
    assert.equal(samples.get('child_restarts_total'), 3);
  });

  it('names a driver of another version than the library', async () => {
    await begin({ init: 18 });
    await scrapeUntil(collector, (now) => now.get('source_failed{reason="driver_mismatch"}') === 1);
    assert.match(collector.lastError() ?? '', /different versions/);
  });

  it('takes a host without a loaded driver for one without a GPU', async () => {
    await begin({ init: 9 });
    await pollUntil('one process', 10_000, () => processesOf(bench).length === 1);
    await pollUntil('no process is left', 10_000, () => processesOf(bench).length === 0);
    const { samples } = await scrape(collector);
    assert.equal(samples.get('available'), 0);
    assert.equal(collector.lastError(), null);
  });

  it('takes a missing library for a host without a GPU', async () => {
    await begin(
      {},
      {
        backend: 'auto',
        nvmlLibraryPath: '/nowhere/libnvidia-ml.so.1',
        nvidiaSmiPath: '/nowhere/nvidia-smi',
      },
    );
    await pollUntil('one process', 10_000, () => processesOf(bench).length === 1);
    await pollUntil('no process is left', 10_000, () => processesOf(bench).length === 0);
    const { samples } = await scrape(collector);
    assert.equal(samples.get('available'), 0);
    assert.equal(samples.get('driver_hung'), 0);
    assert.equal(collector.lastError(), null);
  });

  it('reads a driver that lacks the newer functions', async () => {
    const old = createBench(['-DOLD_DRIVER']);
    try {
      await begin({}, { nvmlLibraryPath: old.libraryPath });
      const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
      assert.equal(samples.get(`clock_event_reason{${A},reason="sw_thermal_slowdown"}`), 1);
      assert.equal(samples.get(`memory_used_bytes{${A}}`), 70_616 * 2 ** 20);
      assert.equal(samples.has(`memory_reserved_bytes{${A}}`), false);
      assert.equal(samples.has(`memory_temperature_celsius{${A}}`), false);
    } finally {
      old.dispose();
    }
  });

  it('has nothing for promtool to remark on', async function () {
    skipWithout(this, 'promtool');
    bench.control({ mig: 1 });
    await begin({ mig: 1, xid: '9:0:79' }, { processesMax: 2 });
    const { text } = await scrapeUntil(collector, (now) =>
      now.has(`xid_last_timestamp_seconds{${A},xid="79"}`),
    );
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    assert.equal(`${checked.stdout}${checked.stderr}`, '');
    assert.equal(checked.status, 0);
  });
});
