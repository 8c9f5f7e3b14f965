/**
 * Asks systeminformation once what the host is, prints it as one line of JSON, and ends. In a
 * process of its own: the library starts some thirty tools, one after another blocking its thread.
 */

import si from 'systeminformation';

void Promise.all([si.osInfo(), si.cpu(), si.mem(), si.system()]).then(
  ([os, cpu, memory, system]) => {
    const facts = {
      operatingSystem: joined(os.distro, os.release),
      kernel: os.kernel,
      architecture: os.arch,
      cpuModel: joined(cpu.manufacturer, cpu.brand),
      cpuCores: cpu.cores,
      memoryBytes: memory.total,
      model: joined(system.manufacturer, system.model),
    };
    process.stdout.write(`${JSON.stringify(facts)}\n`);
  },
);

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
