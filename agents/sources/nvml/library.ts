/**
 * Opens libnvidia-ml through koffi and offers its functions by name. The only file that imports
 * koffi, and it runs in the GPU child alone: a native call can hang or kill the process. A
 * function that the library lacks answers "function not found", as NVML itself would. It knows
 * nothing of what the functions mean.
 */

import type koffiModule from 'koffi';
import { NVML_FUNCTION_NOT_FOUND } from './layout.ts';

/** Parameters per function: `handle` and `buffer` are pointers (an address; memory that NVML fills). */
const SIGNATURES = {
  nvmlInit_v2: [],
  nvmlSystemGetDriverVersion: ['buffer', 'uint'],
  nvmlSystemGetCudaDriverVersion_v2: ['buffer'],
  nvmlSystemGetProcessName: ['uint', 'buffer', 'uint'],
  nvmlDeviceGetCount_v2: ['buffer'],
  nvmlDeviceGetHandleByIndex_v2: ['uint', 'buffer'],
  nvmlDeviceGetUUID: ['handle', 'buffer', 'uint'],
  nvmlDeviceGetName: ['handle', 'buffer', 'uint'],
  nvmlDeviceGetSerial: ['handle', 'buffer', 'uint'],
  nvmlDeviceGetVbiosVersion: ['handle', 'buffer', 'uint'],
  nvmlDeviceGetMinorNumber: ['handle', 'buffer'],
  nvmlDeviceGetPciInfo_v3: ['handle', 'buffer'],
  nvmlDeviceGetUtilizationRates: ['handle', 'buffer'],
  nvmlDeviceGetEncoderUtilization: ['handle', 'buffer', 'buffer'],
  nvmlDeviceGetDecoderUtilization: ['handle', 'buffer', 'buffer'],
  nvmlDeviceGetMemoryInfo_v2: ['handle', 'buffer'],
  nvmlDeviceGetMemoryInfo: ['handle', 'buffer'],
  nvmlDeviceGetTemperature: ['handle', 'uint', 'buffer'],
  nvmlDeviceGetTemperatureV: ['handle', 'buffer'],
  nvmlDeviceGetTemperatureThreshold: ['handle', 'uint', 'buffer'],
  nvmlDeviceGetFanSpeed: ['handle', 'buffer'],
  nvmlDeviceGetPowerUsage: ['handle', 'buffer'],
  nvmlDeviceGetEnforcedPowerLimit: ['handle', 'buffer'],
  nvmlDeviceGetTotalEnergyConsumption: ['handle', 'buffer'],
  nvmlDeviceGetClockInfo: ['handle', 'uint', 'buffer'],
  nvmlDeviceGetMaxClockInfo: ['handle', 'uint', 'buffer'],
  nvmlDeviceGetPerformanceState: ['handle', 'buffer'],
  nvmlDeviceGetCurrentClocksEventReasons: ['handle', 'buffer'],
  nvmlDeviceGetCurrentClocksThrottleReasons: ['handle', 'buffer'],
  nvmlDeviceGetEccMode: ['handle', 'buffer', 'buffer'],
  nvmlDeviceGetTotalEccErrors: ['handle', 'uint', 'uint', 'buffer'],
  nvmlDeviceGetRemappedRows: ['handle', 'buffer', 'buffer', 'buffer', 'buffer'],
  nvmlDeviceGetCurrPcieLinkGeneration: ['handle', 'buffer'],
  nvmlDeviceGetCurrPcieLinkWidth: ['handle', 'buffer'],
  nvmlDeviceGetMaxPcieLinkGeneration: ['handle', 'buffer'],
  nvmlDeviceGetMaxPcieLinkWidth: ['handle', 'buffer'],
  nvmlDeviceGetPcieReplayCounter: ['handle', 'buffer'],
  nvmlDeviceGetNvLinkState: ['handle', 'uint', 'buffer'],
  nvmlDeviceGetNvLinkErrorCounter: ['handle', 'uint', 'uint', 'buffer'],
  nvmlDeviceGetFieldValues: ['handle', 'uint', 'buffer'],
  nvmlDeviceGetMigMode: ['handle', 'buffer', 'buffer'],
  nvmlDeviceGetMaxMigDeviceCount: ['handle', 'buffer'],
  nvmlDeviceGetMigDeviceHandleByIndex: ['handle', 'uint', 'buffer'],
  nvmlDeviceGetGpuInstanceId: ['handle', 'buffer'],
  nvmlDeviceGetComputeInstanceId: ['handle', 'buffer'],
  nvmlDeviceGetComputeRunningProcesses_v2: ['handle', 'buffer', 'buffer'],
  nvmlDeviceGetSupportedEventTypes: ['handle', 'buffer'],
  nvmlEventSetCreate: ['buffer'],
  nvmlDeviceRegisterEvents: ['handle', 'uint64', 'handle'],
  nvmlEventSetWait_v2: ['handle', 'buffer', 'uint'],
} as const satisfies Record<string, readonly ParameterType[]>;

type ParameterType = 'handle' | 'buffer' | 'uint' | 'uint64';
export type NvmlFunctionName = keyof typeof SIGNATURES;
export type NvmlArgument = bigint | number | Buffer;

export interface NvmlLibrary {
  /** Blocks until the driver answers; returns NVML's code. */
  call(name: NvmlFunctionName, ...parameters: readonly NvmlArgument[]): number;
  /** The same on a thread of libuv's pool; buffers must stay referenced until it resolves. */
  callInThread(name: NvmlFunctionName, ...parameters: readonly NvmlArgument[]): Promise<number>;
}

/** The library or koffi itself could not be loaded. `isMissing` tells an absent file from a broken one. */
export class NvmlUnavailable extends Error {
  readonly isMissing: boolean;

  constructor(message: string, isMissing: boolean, cause: unknown) {
    super(message, { cause });
    this.name = 'NvmlUnavailable';
    this.isMissing = isMissing;
  }
}

/** Where container runtimes, NixOS and WSL put the library when the loader's own path has it not. */
const DEFAULT_PATHS = [
  'libnvidia-ml.so.1',
  '/usr/local/nvidia/lib64/libnvidia-ml.so.1',
  '/run/opengl-driver/lib/libnvidia-ml.so.1',
  '/usr/lib/wsl/lib/libnvidia-ml.so.1',
] as const;

interface Native {
  (...parameters: readonly NvmlArgument[]): number;
  async(...parameters: readonly (NvmlArgument | Answer)[]): void;
}
type Answer = (error: unknown, code: number) => void;
type Koffi = typeof koffiModule;

/** Throws NvmlUnavailable. */
export async function openNvmlLibrary(path: string | null): Promise<NvmlLibrary> {
  const koffi = await loadKoffi();
  const handle = openFirst(koffi, path === null ? DEFAULT_PATHS : [path]);
  const functions = new Map<NvmlFunctionName, Native | null>();

  function find(name: NvmlFunctionName): Native | null {
    const known = functions.get(name);
    if (known !== undefined) return known;
    const found = bind(handle, name);
    functions.set(name, found);
    return found;
  }

  return {
    call(name, ...parameters) {
      const native = find(name);
      return native === null ? NVML_FUNCTION_NOT_FOUND : native(...parameters);
    },
    callInThread(name, ...parameters) {
      const native = find(name);
      if (native === null) return Promise.resolve(NVML_FUNCTION_NOT_FOUND);
      return new Promise((resolve, reject) => {
        const answer: Answer = (error, code) => {
          if (error === null || error === undefined) resolve(code);
          else reject(new Error(`${name} could not be called`, { cause: error }));
        };
        native.async(...parameters, answer);
      });
    },
  };
}

/**
 * Ends this process when its parent dies, also while it is stuck in a native call and cannot see
 * its closed stdin: prctl(PR_SET_PDEATHSIG, SIGKILL), Linux only. Best effort.
 */
export async function dieWithParent(): Promise<void> {
  try {
    const koffi = await loadKoffi();
    const prctl = koffi
      .load('libc.so.6')
      .func('prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong']);
    prctl(1, 9, 0, 0, 0);
  } catch {
    // Another libc: the closed stdin ends the child unless it hangs.
  }
}

async function loadKoffi(): Promise<Koffi> {
  try {
    return (await import('koffi')).default;
  } catch (error) {
    throw new NvmlUnavailable('koffi could not be loaded', true, error);
  }
}

type LibraryHandle = ReturnType<Koffi['load']>;

function openFirst(koffi: Koffi, paths: readonly string[]): LibraryHandle {
  let failure: unknown = null;
  let isMissing = true;
  for (const path of paths) {
    try {
      return koffi.load(path, { lazy: true });
    } catch (error) {
      failure = error;
      isMissing &&= error instanceof Error && /No such file/i.test(error.message);
    }
  }
  throw new NvmlUnavailable(`none of ${paths.join(', ')} could be loaded`, isMissing, failure);
}

function bind(library: LibraryHandle, name: NvmlFunctionName): Native | null {
  try {
    return library.func(name, 'int', SIGNATURES[name].map(nativeType)) as Native;
  } catch {
    // koffi's one error for a symbol that is not exported: an older or newer driver.
    return null;
  }
}

function nativeType(parameter: ParameterType): string {
  switch (parameter) {
    case 'handle':
    case 'buffer':
      return 'void *';
    case 'uint':
      return 'uint32_t';
    case 'uint64':
      return 'uint64_t';
  }
}
