/* A libnvidia-ml.so.1, and under that name a libcuda.so.1, that say what the file "facts" beside them says, by NVIDIA's
   published ABIs. NVIDIA's own Python binding loads it. Each look adds a byte to "looks". Lines: "wait 1" (until there is
   a file "go"), "init RC", "hang 1", "crash 1", "driver TEXT", "cuda N", "old 1" (knows no v2 of the memory's struct),
   "cuinit RC", "cuhang 1", "cucrash 1", "fail RC" (of everything asked of a GPU), "noevents 1"; for each GPU
   "gpu RC TOTAL USED PROCESSES", which "mig RC" (of asking for its slices) and "slice TOTAL USED PROCESSES" may follow;
   for the GPU or slice last named "v NAME RC NUMBER", and "xid CODE". Whoever has begun sees the facts change. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT = 7, TIMEOUT = 10, NO_FUNCTION = 13 };
enum { MOST_SLICES = 7, VALUES = 14, MOST_EVENTS = 64 };
static const char *const names[VALUES] = {"use", "use_memory", "milliwatts", "millijoules", "sm_mhz", "memory_mhz",
    "celsius", "slowdowns", "most_milliwatts", "most_sm_mhz", "corrected", "uncorrected", "rows_pending", "rows_failed"};
typedef struct { int rc; unsigned long long number; } Value;
typedef struct { int rc; unsigned long long total, used; unsigned processes; int mig, mig_rc; unsigned parts; Value values[VALUES]; } Gpu;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;

static Gpu gpus[64], slices[64][MOST_SLICES];
static unsigned count;
static struct { void *device; unsigned long long code; } events[MOST_EVENTS];
static unsigned event_count;
static struct stat seen;
static int init_rc, old, cuda = 12040, cu_init, cu_hang, cu_crash, fail_rc, no_events;
static char driver[80] = "550.54.15";

static void read_facts(int is_look) {
    Dl_info own;
    char path[4096], word[32], rest[200];
    dladdr((void *)read_facts, &own);
    snprintf(path, sizeof path, "%s", own.dli_fname);
    char *here = dirname(path), name[4200];
    snprintf(name, sizeof name, "%s/looks", here);
    FILE *file = is_look ? fopen(name, "a") : NULL;
    if (file) fputc('.', file), fclose(file);
    snprintf(name, sizeof name, "%s/facts", here);
    file = fopen(name, "r");
    if (!file) abort();
    fstat(fileno(file), &seen);
    memset(gpus, 0, sizeof gpus), memset(slices, 0, sizeof slices);
    count = 0, fail_rc = 0;
    Gpu *last = NULL;
    while (fscanf(file, "%31s %199[^\n]", word, rest) == 2) {
        if (!strcmp(word, "init")) init_rc = atoi(rest);
        if (!strcmp(word, "cuda")) cuda = atoi(rest);
        if (!strcmp(word, "old")) old = 1;
        if (!strcmp(word, "driver")) snprintf(driver, sizeof driver, "%.79s", rest);
        if (!strcmp(word, "hang")) for (;;) sleep(1000);
        if (!strcmp(word, "wait")) {
            snprintf(name, sizeof name, "%s/go", here);
            while (access(name, F_OK)) usleep(50000);
        }
        if (!strcmp(word, "crash")) abort();
        if (!strcmp(word, "cuinit")) cu_init = atoi(rest);
        if (!strcmp(word, "cuhang")) cu_hang = 1;
        if (!strcmp(word, "cucrash")) cu_crash = 1;
        if (!strcmp(word, "fail")) fail_rc = atoi(rest);
        if (!strcmp(word, "noevents")) no_events = 1;
        if (!strcmp(word, "xid") && event_count < MOST_EVENTS) {
            events[event_count].device = last;
            events[event_count++].code = strtoull(rest, NULL, 10);
        }
        if (!strcmp(word, "v")) {
            char said[32];
            Value value;
            if (sscanf(rest, "%31s %d %llu", said, &value.rc, &value.number) != 3) abort();
            for (int i = 0; i < VALUES; i++) if (!strcmp(said, names[i])) last->values[i] = value;
        }
        if (!strcmp(word, "mig")) gpus[count - 1].mig = 1, gpus[count - 1].mig_rc = atoi(rest);
        if (!strcmp(word, "slice")) {
            Gpu *slice = last = &slices[count - 1][gpus[count - 1].parts++];
            for (int i = 0; i < VALUES; i++) slice->values[i].rc = NOT_SUPPORTED;
            sscanf(rest, "%llu %llu %u", &slice->total, &slice->used, &slice->processes);
        }
        if (!strcmp(word, "gpu")) {
            Gpu *gpu = last = &gpus[count++];
            for (int i = 0; i < VALUES; i++) gpu->values[i].rc = NOT_SUPPORTED;
            sscanf(rest, "%d %llu %llu %u", &gpu->rc, &gpu->total, &gpu->used, &gpu->processes);
        }
    }
    fclose(file);
}

static int refused(void *device) { /* as the facts are now, not as they were when it began */
    Dl_info own;
    char path[4096], name[4200];
    struct stat now;
    dladdr((void *)read_facts, &own);
    snprintf(path, sizeof path, "%s", own.dli_fname);
    snprintf(name, sizeof name, "%s/facts", dirname(path));
    if (!stat(name, &now) && (now.st_ino != seen.st_ino || now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec)) read_facts(0);
    return fail_rc ? fail_rc : device ? ((Gpu *)device)->rc : OK;
}
static int told(void *device, int which, void *place, int is_long) {
    int rc = refused(device);
    Value *value = &((Gpu *)device)->values[which];
    if (rc || value->rc) return rc ? rc : value->rc;
    if (is_long) *(unsigned long long *)place = value->number;
    else *(unsigned *)place = (unsigned)value->number;
    return OK;
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; read_facts(1); return init_rc; }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int rc) { (void)rc; return "as the fake says"; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) { snprintf(text, length, "%s", driver); return OK; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = cuda; return OK; }
int nvmlDeviceGetCount_v2(unsigned *found) { *found = count; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    if (index >= count) return INVALID;
    *device = &gpus[index];
    return gpus[index].rc;
}
int nvmlDeviceGetName(void *device, char *text, unsigned length) {
    (void)device;
    snprintf(text, length, "NVIDIA Fake");
    return OK;
}
int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    *current = *pending = ((Gpu *)device)->mig;
    return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *most) {
    *most = MOST_SLICES;
    return ((Gpu *)device)->mig_rc;
}
int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **slice) {
    Gpu *gpu = device;
    if (index >= gpu->parts) return NOT_FOUND;
    *slice = &slices[gpu - gpus][index];
    return OK;
}
int nvmlDeviceGetMemoryInfo(void *device, Memory *memory) {
    Gpu *gpu = device;
    if (refused(device)) return refused(device);
    *memory = (Memory){gpu->total, gpu->total - gpu->used, gpu->used};
    return OK;
}
int nvmlDeviceGetMemoryInfo_v2(void *device, MemoryV2 *memory) {
    Gpu *gpu = device;
    if (refused(device)) return refused(device);
    if (old) return NO_FUNCTION;
    if (memory->version != (sizeof(MemoryV2) | 2u << 24)) return INVALID;
    memory->total = gpu->total, memory->reserved = 0, memory->used = gpu->used, memory->free = gpu->total - gpu->used;
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *found, Process *processes) {
    Gpu *gpu = device;
    unsigned room = *found;
    if (refused(device)) return refused(device);
    *found = gpu->processes;
    if (gpu->processes == 0) return OK;
    if (room < gpu->processes || !processes) return INSUFFICIENT;
    for (unsigned i = 0; i < gpu->processes; i++) processes[i] = (Process){4000 + i, gpu->used, 0, 0};
    return OK;
}
int nvmlDeviceGetUUID(void *device, char *text, unsigned length) {
    Gpu *gpu = device;
    if (gpu >= gpus && gpu < gpus + 64) snprintf(text, length, "GPU-fake-%d", (int)(gpu - gpus));
    else snprintf(text, length, "MIG-fake-%d", (int)(gpu - slices[0]));
    return OK;
}
int nvmlDeviceGetUtilizationRates(void *device, unsigned *use) {
    int rc = told(device, 0, &use[0], 0);
    return rc ? rc : told(device, 1, &use[1], 0);
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *found) { return told(device, 2, found, 0); }
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *found) { return told(device, 3, found, 1); }
int nvmlDeviceGetClockInfo(void *device, int type, unsigned *found) { return told(device, type == 1 ? 4 : 5, found, 0); }
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *found) { return told(device, 6 + sensor, found, 0); }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *found) { return told(device, 7, found, 1); }
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *found) { return told(device, 8, found, 0); }
int nvmlDeviceGetMaxClockInfo(void *device, int type, unsigned *found) { return type == 1 ? told(device, 9, found, 0) : INVALID; }
int nvmlDeviceGetTotalEccErrors(void *device, int kind, int counter, unsigned long long *found) {
    return counter ? INVALID : told(device, 10 + kind, found, 1);
}
int nvmlDeviceGetRemappedRows(void *device, unsigned *right, unsigned *wrong, unsigned *pending, unsigned *failed) {
    *right = *wrong = 0;
    int rc = told(device, 12, pending, 0);
    return rc ? rc : told(device, 13, failed, 0);
}
typedef struct { void *device; unsigned long long type, data; unsigned gpu_instance, compute_instance; } Event;
int nvmlEventSetCreate(void **set) { *set = events; return OK; }
int nvmlDeviceRegisterEvents(void *device, unsigned long long types, void *set) {
    (void)device, (void)set;
    return no_events ? NOT_SUPPORTED : types == 8 ? OK : INVALID;
}
int nvmlEventSetWait_v2(void *set, Event *event, unsigned limit_ms) {
    (void)set, (void)limit_ms;
    refused(NULL);
    if (!event_count) return TIMEOUT;
    event_count--;
    *event = (Event){events[0].device, 8, events[0].code, 0xffffffff, 0xffffffff};
    memmove(events, events + 1, event_count * sizeof *events);
    return OK;
}
int cuInit(unsigned flags) {
    read_facts((int)flags);
    if (cu_crash) abort();
    if (cu_hang) for (;;) sleep(1000);
    return cu_init;
}
