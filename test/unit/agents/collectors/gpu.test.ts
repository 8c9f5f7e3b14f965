import assert from 'node:assert/strict';
import { createGpuCollector, type GpuCollector } from '../../../../agents/collectors/gpu.ts';
import { formatMessage, type ChildMessage } from '../../../../agents/sources/gpu/protocol.ts';
import type { ChildSettings } from '../../../../agents/sources/gpu/settings.ts';
import {
  emptyReading,
  type GpuReading,
  type GpuValues,
} from '../../../../agents/sources/gpu/snapshot.ts';
import type { LaunchedChild } from '../../../../agents/sources/gpu/supervisor.ts';
import { scrape } from '../../../support/nvml-stand-in/harness.ts';
import { pollUntil } from '../../../support/process.ts';

/** A child without a process: it says what the test says and dies only when the test lets it. */
class FakeChild implements LaunchedChild {
  readonly settings: ChildSettings;
  readonly signals: NodeJS.Signals[] = [];
  isReleased = false;
  /** Set when the test is over: it then ends on a signal. */
  isMortal = false;
  #take: (chunk: Uint8Array) => void = () => undefined;
  #exit: (signal: NodeJS.Signals | null) => void = () => undefined;

  constructor(settings: ChildSettings) {
    this.settings = settings;
  }

  onBytes(take: (chunk: Uint8Array) => void): void {
    this.#take = take;
  }

  onExit(take: (signal: NodeJS.Signals | null) => void): void {
    this.#exit = take;
  }

  kill(signal: NodeJS.Signals): void {
    this.signals.push(signal);
    if (this.isMortal) this.end(signal);
  }

  release(): void {
    this.isReleased = true;
  }

  say(...messages: readonly ChildMessage[]): void {
    for (const message of messages) this.write(formatMessage(message));
  }

  write(text: string): void {
    this.#take(Buffer.from(text));
  }

  end(signal: NodeJS.Signals | null): void {
    this.#exit(signal);
  }
}

interface Stage {
  readonly collector: GpuCollector;
  readonly children: readonly FakeChild[];
  readonly clock: { nowMs: number };
  last(): FakeChild;
}

function createStage(timing: Parameters<typeof createGpuCollector>[0]['timing'] = {}): Stage {
  const children: FakeChild[] = [];
  const clock = { nowMs: 1_000 };
  const collector = createGpuCollector({
    backend: 'auto',
    pollIntervalMs: 1_000,
    stalenessMs: 15_000,
    nvidiaSmiPath: 'nvidia-smi',
    nvidiaSmiTimeoutMs: 10_000,
    nvmlLibraryPath: null,
    sysRoot: '/sys',
    processesMax: 0,
    timing: { respawnMinMs: 1, respawnMaxMs: 2, termGraceMs: 1, ...timing },
    clock: { wallMs: () => 1_700_000_000_000 + clock.nowMs, monotonicMs: () => clock.nowMs },
    launch(settings) {
      const child = new FakeChild(settings);
      children.push(child);
      return child;
    },
  });
  return {
    collector,
    children,
    clock,
    last() {
      const child = children.at(-1);
      assert.ok(child);
      return child;
    },
  };
}

function gpu(uuid: string, values: GpuValues, more: Partial<GpuReading> = {}): GpuReading {
  const identity = { uuid, name: 'NVIDIA H200', index: 0, pciBusId: '0000:83:00.0' };
  return {
    ...emptyReading({ ...identity, serial: '', vbiosVersion: '', minorNumber: '0' }),
    values,
    ...more,
  };
}

function snapshot(...gpus: readonly GpuReading[]): ChildMessage {
  const versions = { driverVersion: '580.1', cudaVersion: '13.0' };
  return { kind: 'snapshot', snapshot: { backend: 'nvml', ...versions, gpus } };
}

describe('createGpuCollector', () => {
  let stage: Stage;
  afterEach(async () => {
    for (const child of stage.children) child.isMortal = true;
    await stage.collector.stop();
  });

  it('says that nothing is available before the first reading, and starts one child however often it is started', async () => {
    stage = createStage();
    await stage.collector.start();
    await stage.collector.start();
    assert.equal(stage.children.length, 1);
    const { samples } = await scrape(stage.collector);
    assert.equal(samples.get('available'), 0);
    assert.equal(samples.get('driver_hung'), 0);
    assert.equal(samples.has('last_success_timestamp_seconds'), false);
    assert.deepEqual(stage.collector.inventory(), []);
    assert.equal(stage.collector.lastError(), null);
  });

  it('drops values older than the staleness limit, and keeps identity, counters and time of success', async () => {
    stage = createStage();
    await stage.collector.start();
    stage
      .last()
      .say(
        { kind: 'watching', uuids: ['A'] },
        { kind: 'xid', uuid: 'A', xid: 79, atMs: 5_000 },
        snapshot(
          gpu('A', { temperature_celsius: 61, memory_total_bytes: 1000 }, { readErrors: 2 }),
        ),
      );
    stage.clock.nowMs = 16_000;
    const fresh = await scrape(stage.collector);
    assert.equal(fresh.samples.get('temperature_celsius{uuid="A"}'), 61);
    assert.equal(fresh.samples.get('available'), 1);
    stage.clock.nowMs = 16_001;
    const { samples } = await scrape(stage.collector);
    assert.equal(samples.has('temperature_celsius{uuid="A"}'), false);
    assert.equal(samples.get('available'), 0);
    assert.equal(samples.get('devices'), 0);
    assert.equal(samples.get('lost{uuid="A"}'), 0);
    assert.equal(samples.get('read_errors_total{uuid="A"}'), 2);
    assert.equal(samples.get('xid_errors_total{uuid="A",xid="79"}'), 1);
    assert.equal(samples.get('last_success_timestamp_seconds'), 1_700_000_001);
    assert.ok([...samples.keys()].some((series) => series.startsWith('info{uuid="A"')));
    assert.deepEqual(stage.collector.inventory(), [
      { uuid: 'A', name: 'NVIDIA H200', memoryBytes: 1000 },
    ]);
  });

  it('tells a GPU that vanished or is lost from one that is there', async () => {
    stage = createStage();
    await stage.collector.start();
    stage.last().say(snapshot(gpu('A', {}), gpu('B', {}), gpu('C', {})));
    stage.last().say(snapshot(gpu('A', {}), gpu('C', {}, { isLost: true })));
    const { samples } = await scrape(stage.collector);
    assert.equal(samples.get('devices'), 1);
    assert.equal(samples.get('lost{uuid="A"}'), 0);
    assert.equal(samples.get('lost{uuid="B"}'), 1);
    assert.equal(samples.get('lost{uuid="C"}'), 1);
  });

  it('exports no XID counter while nobody watches for them', async () => {
    stage = createStage();
    await stage.collector.start();
    stage.last().say(snapshot(gpu('A', {})));
    const { samples } = await scrape(stage.collector);
    assert.equal(
      [...samples.keys()].some((series) => series.startsWith('xid_')),
      false,
    );
  });

  it('counts garbage, oversized lines and wrong shapes, and goes on with the next line', async () => {
    stage = createStage();
    await stage.collector.start();
    const child = stage.last();
    child.write('\u0000\u0001garbage\n{"kind":"snapshot"}\n{"kind":"nonsense"}\n');
    child.write('x'.repeat(2 * 1024 * 1024));
    child.write('\n');
    child.say(snapshot(gpu('A', { utilization_ratio: 0.5 })));
    const { samples } = await scrape(stage.collector);
    assert.equal(samples.get('child_garbage_lines_total'), 4);
    assert.equal(samples.get('utilization_ratio{uuid="A"}'), 0.5);
  });

  it('counts impossible values by field, at 0 from the first sight of the field', async () => {
    stage = createStage();
    await stage.collector.start();
    stage.last().say(snapshot(gpu('A', { utilization_ratio: 4e7, power_watts: 90 })));
    const { samples } = await scrape(stage.collector);
    assert.equal(samples.get('invalid_samples_total{field="utilization_ratio"}'), 1);
    assert.equal(samples.get('invalid_samples_total{field="power_watts"}'), 0);
    assert.equal(samples.has('utilization_ratio{uuid="A"}'), false);
  });

  it('starts no second child while one that fell silent cannot be killed, and one when it is gone', async () => {
    stage = createStage({ watchdogMs: 40, startupMs: 40 });
    await stage.collector.start();
    const stuck = stage.last();
    stuck.say(snapshot(gpu('A', {})));
    stage.clock.nowMs += 41;
    await pollUntil('a kill', 10_000, () => stuck.signals.includes('SIGKILL'));
    assert.deepEqual(stuck.signals, ['SIGTERM', 'SIGKILL']);
    const { samples, tookMs } = await scrape(stage.collector);
    assert.equal(samples.get('driver_hung'), 1);
    assert.equal(samples.get('source_failed{reason="driver_hung"}'), 1);
    assert.ok(tookMs < 50);
    assert.match(stage.collector.lastError() ?? '', /^driver_hung/);
    assert.equal(stage.children.length, 1);
    stuck.end('SIGKILL');
    await pollUntil('a second child', 10_000, () => stage.children.length === 2);
    const again = await scrape(stage.collector);
    assert.equal(again.samples.get('driver_hung'), 1);
    assert.equal(again.samples.get('child_restarts_total'), 1);
    stage.last().say(snapshot(gpu('A', {})));
    assert.equal((await scrape(stage.collector)).samples.get('driver_hung'), 0);
    assert.equal(stage.collector.lastError(), null);
  });

  it('lets a child take its time over the first reading', async () => {
    stage = createStage({ watchdogMs: 40, startupMs: 60_000 });
    await stage.collector.start();
    stage.clock.nowMs += 59_000;
    await new Promise(setImmediate);
    assert.deepEqual(stage.last().signals, []);
  });

  it('stops within a second though the child does not end', async () => {
    stage = createStage();
    await stage.collector.start();
    const startedMs = performance.now();
    await stage.collector.stop();
    assert.ok(performance.now() - startedMs < 1_000);
    assert.deepEqual(stage.last().signals, ['SIGTERM', 'SIGKILL']);
    assert.equal(stage.last().isReleased, true);
  });

  it('takes a host without GPUs for granted: no error, no restart counted, looked at again later', async () => {
    stage = createStage({ absentRetryMs: 5 });
    await stage.collector.start();
    stage
      .last()
      .say(
        { kind: 'failure', backend: 'nvml', failure: 'not_installed', detail: 'no library' },
        { kind: 'absent' },
      );
    stage.last().end(null);
    const { samples } = await scrape(stage.collector);
    assert.equal(samples.get('available'), 0);
    assert.equal(stage.collector.lastError(), null);
    await pollUntil('a second child', 10_000, () => stage.children.length === 2);
    assert.equal((await scrape(stage.collector)).samples.get('child_restarts_total'), 0);
  });

  it('keeps the reason that matters when the other back-ends are merely not installed', async () => {
    stage = createStage();
    await stage.collector.start();
    stage
      .last()
      .say(
        { kind: 'failure', backend: 'nvml', failure: 'driver_mismatch', detail: 'versions' },
        { kind: 'failure', backend: 'amd', failure: 'not_installed', detail: 'no AMD' },
      );
    const { samples } = await scrape(stage.collector);
    assert.equal(samples.get('source_failed{reason="driver_mismatch"}'), 1);
    assert.equal(samples.get('source_failed{reason="not_installed"}'), 0);
    assert.equal(stage.collector.lastError(), 'driver_mismatch: nvml: versions');
  });

  it('leaves NVML out after it crashed three children', async () => {
    stage = createStage();
    await stage.collector.start();
    for (let crash = 1; crash <= 3; crash += 1) {
      assert.deepEqual(stage.last().settings.backends, ['nvml', 'smi', 'amd']);
      stage.last().end('SIGSEGV');
      await pollUntil('another child', 10_000, () => stage.children.length === crash + 1);
    }
    assert.deepEqual(stage.last().settings.backends, ['smi', 'amd']);
    assert.equal((await scrape(stage.collector)).samples.get('child_restarts_total'), 3);
  });

  it('rejects a scrape that is already past its deadline', async () => {
    stage = createStage();
    const aborted = AbortSignal.abort(new Error('deadline'));
    await assert.rejects(
      stage.collector.collect(() => undefined, aborted),
      /deadline/,
    );
  });
});
