/* A libnvidia-ml.so.1, and under that name a libcuda.so.1, that say what the file "facts" beside them says, by NVIDIA's
   published ABIs. NVIDIA's own Python binding loads it. Each look adds a byte to "looks". Lines: "wait 1" (until there is
   a file "go"), "init RC", "hang 1", "crash 1", "driver TEXT", "cuda N", "old 1" (knows no v2 of the memory's struct),
   "cuinit RC", "cuhang 1", "cucrash 1"; for each GPU "gpu RC TOTAL USED PROCESSES", which "mig RC" (of asking for its
   slices) and "slice TOTAL USED PROCESSES" may follow. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, NOT_FOUND = 6, INSUFFICIENT = 7, NO_FUNCTION = 13, MOST_SLICES = 7 };
typedef struct { int rc; unsigned long long total, used; unsigned processes; int mig, mig_rc; unsigned parts; } Gpu;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;

static Gpu gpus[64], slices[64][MOST_SLICES];
static unsigned count;
static int init_rc, old, cuda = 12040, cu_init, cu_hang, cu_crash;
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
    count = 0;
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
        if (!strcmp(word, "mig")) gpus[count - 1].mig = 1, gpus[count - 1].mig_rc = atoi(rest);
        if (!strcmp(word, "slice")) {
            Gpu *slice = &slices[count - 1][gpus[count - 1].parts++];
            sscanf(rest, "%llu %llu %u", &slice->total, &slice->used, &slice->processes);
        }
        if (!strcmp(word, "gpu")) {
            Gpu *gpu = &gpus[count++];
            sscanf(rest, "%d %llu %llu %u", &gpu->rc, &gpu->total, &gpu->used, &gpu->processes);
        }
    }
    fclose(file);
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
    *memory = (Memory){gpu->total, gpu->total - gpu->used, gpu->used};
    return OK;
}
int nvmlDeviceGetMemoryInfo_v2(void *device, MemoryV2 *memory) {
    Gpu *gpu = device;
    if (old) return NO_FUNCTION;
    if (memory->version != (sizeof(MemoryV2) | 2u << 24)) return INVALID;
    memory->total = gpu->total, memory->reserved = 0, memory->used = gpu->used, memory->free = gpu->total - gpu->used;
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *found, Process *processes) {
    Gpu *gpu = device;
    unsigned room = *found;
    *found = gpu->processes;
    if (gpu->processes == 0) return OK;
    if (room < gpu->processes || !processes) return INSUFFICIENT;
    for (unsigned i = 0; i < gpu->processes; i++) processes[i] = (Process){4000 + i, gpu->used, 0, 0};
    return OK;
}
int cuInit(unsigned flags) {
    read_facts((int)flags);
    if (cu_crash) abort();
    if (cu_hang) for (;;) sleep(1000);
    return cu_init;
}
