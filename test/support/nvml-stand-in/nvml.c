/*
 * A stand-in for libnvidia-ml.so.1 with NVML's ABI: two GPUs with known values, and the ways in which
 * real drivers misbehave. It obeys a file named `control` beside itself, read again at every call:
 *
 *   count=2            GPUs
 *   init=9             what nvmlInit_v2 returns
 *   hang=<function>    that call never returns (SIGTERM still kills)
 *   stuck=<function>   the same, and SIGTERM is ignored
 *   crash=<function>   that call dies of SIGSEGV
 *   none=<f>,<f>       those calls return NVML_ERROR_NOT_SUPPORTED
 *   fail=<function>    that call returns NVML_ERROR_UNKNOWN
 *   lost=<index>       that GPU fell off the bus
 *   corrupt=1          sentinels and impossible values
 *   mig=1              GPU 0 has two MIG instances
 *   xid=<n>:<index>:<xid>   one event per new n
 *
 * It checks what a driver checks (initialised, handles, lengths, version words), so that a wrong
 * call fails here too. Built with -DOLD_DRIVER it lacks what came after driver 470.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int ret_t;
enum {
  OK = 0,
  UNINITIALIZED = 1,
  INVALID_ARGUMENT = 2,
  NOT_SUPPORTED = 3,
  NOT_FOUND = 6,
  INSUFFICIENT_SIZE = 7,
  TIMEOUT = 10,
  GPU_IS_LOST = 15,
  ARGUMENT_VERSION_MISMATCH = 25,
  UNKNOWN = 999
};

struct device {
  uint32_t magic;
  int index;
  int mig; /* -1, or the MIG slot */
};
#define MAGIC 0x67707531u
#define GPUS 4
#define MIGS 2

static struct device gpus[GPUS];
static struct device migs[MIGS];
static int initialised = 0;
static char events_set[8];

static const char *control(const char *key) {
  static __thread char value[256];
  static char path[4096];
  if (path[0] == 0) {
    Dl_info info;
    if (dladdr((void *)control, &info) == 0) return NULL;
    snprintf(path, sizeof path, "%s", info.dli_fname);
    char *slash = strrchr(path, '/');
    if (slash == NULL) return NULL;
    snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), "control");
  }
  FILE *file = fopen(path, "r");
  if (file == NULL) return NULL;
  char line[256];
  const char *found = NULL;
  size_t length = strlen(key);
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, key, length) == 0 && line[length] == '=') {
      snprintf(value, sizeof value, "%s", line + length + 1);
      found = value;
    }
  }
  fclose(file);
  return found;
}

static int number(const char *key, int otherwise) {
  const char *value = control(key);
  return value == NULL ? otherwise : atoi(value);
}

static int names(const char *key, const char *function) {
  const char *value = control(key);
  if (value == NULL) return 0;
  size_t length = strlen(function);
  for (const char *at = value; (at = strstr(at, function)) != NULL; at += length) {
    int starts = at == value || at[-1] == ',';
    int ends = at[length] == 0 || at[length] == ',';
    if (starts && ends) return 1;
  }
  return 0;
}

static ret_t enter(const char *function) {
  if (names("stuck", function)) {
    signal(SIGTERM, SIG_IGN);
    for (;;) pause();
  }
  if (names("hang", function))
    for (;;) pause();
  if (names("crash", function)) {
    signal(SIGSEGV, SIG_DFL);
    *(volatile int *)8 = 1;
  }
  if (names("none", function)) return NOT_SUPPORTED;
  if (names("fail", function)) return UNKNOWN;
  return initialised ? OK : UNINITIALIZED;
}

#define ENTER                         \
  do {                                \
    ret_t code = enter(__func__);     \
    if (code != OK) return code;      \
  } while (0)

static ret_t check(const struct device *device) {
  if (device == NULL || device->magic != MAGIC) return INVALID_ARGUMENT;
  return number("lost", -1) == device->index ? GPU_IS_LOST : OK;
}

#define DEVICE                        \
  do {                                \
    ENTER;                            \
    ret_t state = check(device);      \
    if (state != OK) return state;    \
  } while (0)

static int corrupt(void) { return number("corrupt", 0); }

static ret_t put_text(char *out, unsigned length, const char *text) {
  if (strlen(text) + 1 > length) return INSUFFICIENT_SIZE;
  strcpy(out, text);
  return OK;
}

ret_t nvmlInit_v2(void) {
  initialised = 1;
  for (int i = 0; i < GPUS; i++) gpus[i] = (struct device){MAGIC, i, -1};
  for (int i = 0; i < MIGS; i++) migs[i] = (struct device){MAGIC, 0, i};
  ret_t code = enter(__func__);
  return code == OK ? number("init", OK) : code;
}

ret_t nvmlSystemGetDriverVersion(char *out, unsigned length) {
  ENTER;
  return put_text(out, length, "580.173.02");
}

ret_t nvmlSystemGetCudaDriverVersion_v2(int *out) {
  ENTER;
  *out = 13000;
  return OK;
}

ret_t nvmlSystemGetProcessName(unsigned pid, char *out, unsigned length) {
  ENTER;
  char text[64];
  snprintf(text, sizeof text, "/opt/bin/trainer-%u --token=secret", pid);
  return put_text(out, length, text);
}

ret_t nvmlDeviceGetCount_v2(unsigned *out) {
  ENTER;
  *out = (unsigned)number("count", 2);
  return OK;
}

ret_t nvmlDeviceGetHandleByIndex_v2(unsigned index, struct device **out) {
  ENTER;
  if (index >= (unsigned)number("count", 2) || index >= GPUS) return INVALID_ARGUMENT;
  if (number("lost", -1) == (int)index && number("lostHandle", 0)) return GPU_IS_LOST;
  *out = &gpus[index];
  return OK;
}

ret_t nvmlDeviceGetUUID(struct device *device, char *out, unsigned length) {
  ENTER;
  if (device == NULL || device->magic != MAGIC) return INVALID_ARGUMENT;
  char text[96];
  if (device->mig >= 0)
    snprintf(text, sizeof text, "MIG-00000000-0000-0000-0000-00000000000%d", device->mig);
  else
    snprintf(text, sizeof text, "GPU-00000000-0000-0000-0000-00000000000%d", device->index);
  return put_text(out, length, text);
}

ret_t nvmlDeviceGetName(struct device *device, char *out, unsigned length) {
  DEVICE;
  return put_text(out, length, device->mig >= 0 ? "NVIDIA H200 MIG 1g.18gb" : "NVIDIA H200");
}

ret_t nvmlDeviceGetSerial(struct device *device, char *out, unsigned length) {
  DEVICE;
  return put_text(out, length, device->index == 0 ? "1650000000001" : "1650000000002");
}

ret_t nvmlDeviceGetVbiosVersion(struct device *device, char *out, unsigned length) {
  DEVICE;
  return put_text(out, length, "96.00.A5.00.03");
}

ret_t nvmlDeviceGetMinorNumber(struct device *device, unsigned *out) {
  DEVICE;
  *out = (unsigned)device->index;
  return OK;
}

struct pci_info {
  char bus_id_legacy[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char bus_id[32];
};

ret_t nvmlDeviceGetPciInfo_v3(struct device *device, struct pci_info *out) {
  DEVICE;
  memset(out, 0, sizeof *out);
  out->bus = 0x83 + (unsigned)device->index;
  snprintf(out->bus_id_legacy, sizeof out->bus_id_legacy, "0000:%02X:00.0", out->bus);
  snprintf(out->bus_id, sizeof out->bus_id, "00000000:%02X:00.0", out->bus);
  return OK;
}

struct utilization {
  unsigned gpu, memory;
};

ret_t nvmlDeviceGetUtilizationRates(struct device *device, struct utilization *out) {
  DEVICE;
  if (number("mig", 0) && device->index == 0) return NOT_SUPPORTED;
  out->gpu = corrupt() ? 4294967295u : 87u + (unsigned)device->index;
  out->memory = 41;
  return OK;
}

ret_t nvmlDeviceGetEncoderUtilization(struct device *device, unsigned *out, unsigned *period) {
  DEVICE;
  *out = 3;
  *period = 1000;
  return OK;
}

ret_t nvmlDeviceGetDecoderUtilization(struct device *device, unsigned *out, unsigned *period) {
  DEVICE;
  *out = 4;
  *period = 1000;
  return OK;
}

struct memory_v1 {
  unsigned long long total, free, used;
};
struct memory_v2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
};
#define MIB (1024ull * 1024ull)

#ifndef OLD_DRIVER
ret_t nvmlDeviceGetMemoryInfo_v2(struct device *device, struct memory_v2 *out) {
  DEVICE;
  if (out->version != (sizeof(struct memory_v2) | 2u << 24)) return ARGUMENT_VERSION_MISMATCH;
  if (device->mig >= 0) {
    out->total = 18000 * MIB;
    out->reserved = 10 * MIB;
    out->used = (100 + (unsigned long long)device->mig) * MIB;
    out->free = out->total - out->used - out->reserved;
    return OK;
  }
  out->total = 143771 * MIB;
  out->reserved = 616 * MIB;
  out->used = corrupt() ? 200000 * MIB : 70000 * MIB;
  out->free = 73155 * MIB;
  return OK;
}
#endif

ret_t nvmlDeviceGetMemoryInfo(struct device *device, struct memory_v1 *out) {
  DEVICE;
  out->total = 143771 * MIB;
  out->free = 73155 * MIB;
  out->used = 70616 * MIB;
  return OK;
}

ret_t nvmlDeviceGetTemperature(struct device *device, unsigned sensor, unsigned *out) {
  DEVICE;
  if (sensor != 0) return INVALID_ARGUMENT;
  *out = corrupt() ? (unsigned)-5 : 61u;
  return OK;
}

ret_t nvmlDeviceGetTemperatureThreshold(struct device *device, unsigned which, unsigned *out) {
  DEVICE;
  if (which == 0) *out = 92;
  else if (which == 1) *out = 89;
  else if (which == 3) *out = 87;
  else return NOT_SUPPORTED;
  return OK;
}

/* Data centre GPUs have no fan. */
ret_t nvmlDeviceGetFanSpeed(struct device *device, unsigned *out) {
  DEVICE;
  (void)out;
  return NOT_SUPPORTED;
}

ret_t nvmlDeviceGetPowerUsage(struct device *device, unsigned *out) {
  DEVICE;
  *out = corrupt() ? 4294967295u : 412345u;
  return OK;
}

ret_t nvmlDeviceGetEnforcedPowerLimit(struct device *device, unsigned *out) {
  DEVICE;
  *out = 700000;
  return OK;
}

ret_t nvmlDeviceGetTotalEnergyConsumption(struct device *device, unsigned long long *out) {
  DEVICE;
  *out = corrupt() ? 18446744073709551615ull : 123456789012ull;
  return OK;
}

ret_t nvmlDeviceGetClockInfo(struct device *device, unsigned type, unsigned *out) {
  DEVICE;
  static const unsigned mhz[] = {1980, 1975, 3201, 1545};
  if (type > 3) return INVALID_ARGUMENT;
  *out = mhz[type];
  return OK;
}

ret_t nvmlDeviceGetMaxClockInfo(struct device *device, unsigned type, unsigned *out) {
  return nvmlDeviceGetClockInfo(device, type, out);
}

ret_t nvmlDeviceGetPerformanceState(struct device *device, unsigned *out) {
  DEVICE;
  *out = device->index == 0 ? 0 : 32;
  return OK;
}

#ifndef OLD_DRIVER
ret_t nvmlDeviceGetCurrentClocksEventReasons(struct device *device, unsigned long long *out) {
  DEVICE;
  *out = corrupt() ? 18446744073709551615ull : 0x84;
  return OK;
}
#endif

ret_t nvmlDeviceGetCurrentClocksThrottleReasons(struct device *device, unsigned long long *out) {
  DEVICE;
  *out = 0x20;
  return OK;
}

ret_t nvmlDeviceGetEccMode(struct device *device, unsigned *current, unsigned *pending) {
  DEVICE;
  *current = *pending = 1;
  return OK;
}

ret_t nvmlDeviceGetTotalEccErrors(struct device *device, unsigned type, unsigned counter,
                                  unsigned long long *out) {
  DEVICE;
  if (type > 1 || counter > 1) return INVALID_ARGUMENT;
  *out = corrupt() ? 9223372036854775794ull : 1 + type + 10 * counter;
  return OK;
}

ret_t nvmlDeviceGetRemappedRows(struct device *device, unsigned *corrected, unsigned *uncorrected,
                                unsigned *pending, unsigned *failed) {
  DEVICE;
  *corrected = 5;
  *uncorrected = 6;
  *pending = 1;
  *failed = 0;
  return OK;
}

#define PLAIN(name, value)                                  \
  ret_t name(struct device *device, unsigned *out) {        \
    DEVICE;                                                 \
    *out = value;                                           \
    return OK;                                              \
  }
PLAIN(nvmlDeviceGetCurrPcieLinkGeneration, 5)
PLAIN(nvmlDeviceGetCurrPcieLinkWidth, 16)
PLAIN(nvmlDeviceGetMaxPcieLinkGeneration, 5)
PLAIN(nvmlDeviceGetMaxPcieLinkWidth, 16)
PLAIN(nvmlDeviceGetPcieReplayCounter, 4)
PLAIN(nvmlDeviceGetMaxMigDeviceCount, 7)

/* GPU 0 has three links, the last of them down; GPU 1 has none. */
ret_t nvmlDeviceGetNvLinkState(struct device *device, unsigned link, unsigned *out) {
  DEVICE;
  if (device->index != 0) return NOT_SUPPORTED;
  if (link > 2) return INVALID_ARGUMENT;
  *out = link == 2 ? 0 : 1;
  return OK;
}

ret_t nvmlDeviceGetNvLinkErrorCounter(struct device *device, unsigned link, unsigned counter,
                                      unsigned long long *out) {
  DEVICE;
  if (counter == 2) return NOT_SUPPORTED;
  *out = 10 * (link + 1) + counter;
  return OK;
}

struct field_value {
  unsigned field, scope;
  long long timestamp, latency;
  unsigned type;
  ret_t result;
  union {
    double d;
    unsigned u;
    unsigned long long ull;
  } value;
};

#ifndef OLD_DRIVER
ret_t nvmlDeviceGetFieldValues(struct device *device, int count, struct field_value *values) {
  DEVICE;
  for (int i = 0; i < count; i++) {
    struct field_value *value = &values[i];
    value->result = OK;
    value->type = 1;
    if (value->field == 82) value->value.u = 65;
    else if (value->field == 138 && value->scope == 0xffffffffu) {
      value->type = 3;
      value->value.ull = 1000;
    } else if (value->field == 139 && value->scope == 0xffffffffu) {
      value->type = 3;
      value->value.ull = 2000;
    } else if (value->field == 230) value->value.u = 0;
    else value->result = NOT_SUPPORTED;
  }
  return OK;
}
#endif

ret_t nvmlDeviceGetMigMode(struct device *device, unsigned *current, unsigned *pending) {
  DEVICE;
  if (device->index != 0) return NOT_SUPPORTED;
  *current = *pending = (unsigned)number("mig", 0);
  return OK;
}

/* Slots 0 and 2 are taken: numbering has gaps. */
ret_t nvmlDeviceGetMigDeviceHandleByIndex(struct device *device, unsigned slot,
                                          struct device **out) {
  DEVICE;
  if (slot != 0 && slot != 2) return NOT_FOUND;
  *out = &migs[slot / 2];
  return OK;
}

ret_t nvmlDeviceGetGpuInstanceId(struct device *device, unsigned *out) {
  DEVICE;
  if (device->mig < 0) return INVALID_ARGUMENT;
  *out = 7 + (unsigned)device->mig;
  return OK;
}

ret_t nvmlDeviceGetComputeInstanceId(struct device *device, unsigned *out) {
  DEVICE;
  if (device->mig < 0) return INVALID_ARGUMENT;
  *out = 0;
  return OK;
}

struct process_info {
  unsigned pid;
  unsigned long long memory;
  unsigned gpu_instance, compute_instance;
};

ret_t nvmlDeviceGetComputeRunningProcesses_v2(struct device *device, unsigned *count,
                                              struct process_info *infos) {
  DEVICE;
  unsigned room = *count;
  *count = 3;
  if (room < 3) return INSUFFICIENT_SIZE;
  for (unsigned i = 0; i < 3; i++)
    infos[i] = (struct process_info){1000 + i, (i + 1) * 1024 * MIB, 0xffffffffu, 0xffffffffu};
  infos[1].memory = 18446744073709551615ull;
  return OK;
}

ret_t nvmlDeviceGetSupportedEventTypes(struct device *device, unsigned long long *out) {
  DEVICE;
  *out = 0x1f;
  return OK;
}

ret_t nvmlEventSetCreate(void **out) {
  ENTER;
  *out = events_set;
  return OK;
}

ret_t nvmlDeviceRegisterEvents(struct device *device, unsigned long long types, void *set) {
  DEVICE;
  return types == 8 && set == events_set ? OK : INVALID_ARGUMENT;
}

struct event_data {
  struct device *device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
};

ret_t nvmlEventSetWait_v2(void *set, struct event_data *out, unsigned timeout_ms) {
  static int seen = 0;
  ENTER;
  if (set != events_set) return INVALID_ARGUMENT;
  for (unsigned waited = 0; waited < timeout_ms; waited += 20) {
    const char *value = control("xid");
    int sequence = 0, index = 0, xid = 0;
    if (value != NULL && sscanf(value, "%d:%d:%d", &sequence, &index, &xid) == 3 && sequence > seen) {
      seen = sequence;
      *out = (struct event_data){&gpus[index], 8, (unsigned long long)xid, 0xffffffffu, 0xffffffffu};
      return OK;
    }
    usleep(20000);
  }
  return TIMEOUT;
}
