/* Loaded before a program whose libraries were rewritten by limited_cpu.py: each CPUID of theirs is a breakpoint now, which is
 * answered here without the instruction sets that the CPU is to lack. /proc/cpuinfo is a file without them, too. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* What is taken away: leaf, subleaf and the bits of EAX, EBX, ECX, EDX. limited_cpu.py writes the table. */
static const struct { unsigned leaf, subleaf, bits[4]; } LACKING[] = {LACKING_TABLE};

static void answer(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    unsigned leaf = registers[REG_RAX], subleaf = registers[REG_RCX], out[4];
    (void)number, (void)info;
    __cpuid_count(leaf, subleaf, out[0], out[1], out[2], out[3]);
    for (unsigned i = 0; i < sizeof LACKING / sizeof *LACKING; i++)
        if (LACKING[i].leaf == leaf && LACKING[i].subleaf == subleaf)
            for (int part = 0; part < 4; part++) out[part] &= ~LACKING[i].bits[part];
    registers[REG_RAX] = out[0], registers[REG_RBX] = out[1], registers[REG_RCX] = out[2], registers[REG_RDX] = out[3];
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
    sigaction(SIGTRAP, &action, NULL);
}

static const char *told(const char *path) { return strcmp(path, "/proc/cpuinfo") ? path : getenv("LIMITED_CPU"); }

#define REPLACED(name)                                                           \
    int name(const char *path, int flags, ...) {                                 \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);           \
        va_list rest;                                                            \
        va_start(rest, flags);                                                   \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;  \
        va_end(rest);                                                            \
        return real(told(path), flags, mode);                                    \
    }
REPLACED(open)
REPLACED(open64)
