import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGpuCollector, type GpuCollector } from '../../../agents/collectors/gpu.ts';
import {
  createBench,
  fastOptions,
  processesOf,
  scrapeUntil,
  type Bench,
} from '../../support/nvml-stand-in/harness.ts';
import { pollUntil } from '../../support/process.ts';

describe('GPU collector over AMD sysfs', () => {
  let bench: Bench;
  let collector: GpuCollector;
  let device: string;

  beforeEach(async () => {
    bench = createBench();
    device = join(bench.folder, 'sys/class/drm/card0/device');
    mkdirSync(device, { recursive: true });
    writeFileSync(join(device, 'vendor'), '0x1002\n');
    writeFileSync(join(device, 'unique_id'), 'a1b2\n');
    writeFileSync(join(device, 'mem_info_vram_total'), '1000\n');
    writeFileSync(join(device, 'gpu_busy_percent'), '73\n');
    collector = createGpuCollector({
      ...fastOptions(bench),
      backend: 'auto',
      nvmlLibraryPath: '/nowhere/libnvidia-ml.so.1',
      nvidiaSmiPath: '/nowhere/nvidia-smi',
    });
    await collector.start();
  });

  afterEach(async () => {
    await collector.stop();
    await pollUntil('no process is left', 10_000, () => processesOf(bench).length === 0);
    bench.dispose();
  });

  it('is what auto comes to where there is neither NVML nor nvidia-smi, and follows the files', async () => {
    const { samples } = await scrapeUntil(collector, (now) => now.get('available') === 1);
    assert.equal(samples.get('backend_info{backend="amd"}'), 1);
    assert.equal(samples.get('utilization_ratio{uuid="AMD-a1b2"}'), 0.73);
    assert.equal(collector.lastError(), null);
    writeFileSync(join(device, 'gpu_busy_percent'), '12\n');
    await scrapeUntil(collector, (now) => now.get('utilization_ratio{uuid="AMD-a1b2"}') === 0.12);
  });
});
