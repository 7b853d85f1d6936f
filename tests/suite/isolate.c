/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

#define _GNU_SOURCE // dladdr(), MAP_ANONYMOUS, REG_RSP

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "libavutil/macros.h"
#include "isolate.h"

/** What a child tells its parent, in memory that both see. */
typedef struct Progress {
    volatile int current; ///< the case that is being run
    volatile int wrong;
    volatile int end;     ///< there are no more
} Progress;

/**
 * Print the stack in the manner of the sanitizers, then die of the signal. Where
 * it cannot be followed, because what the program ran into is not a function,
 * trying it is another crash and the end: what is certain is printed before.
 */
static void crash(int signal_number, siginfo_t *info, void *context)
{
    static const char title[] = "caught a signal\n";
    void *stack[64];
    int depth;

    write(STDERR_FILENO, title, sizeof(title) - 1);
#ifdef __x86_64__
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    void *const *top = (void **)registers[REG_RSP];
    Dl_info object;

    backtrace_symbols_fd((void **)&registers[REG_RIP], 1, STDERR_FILENO);
    // addresses of code near the stack's end: perhaps who called
    for (int i = 0; i < 64; i++)
        if (dladdr(top[i], &object)) {
            write(STDERR_FILENO, "? ", 2);
            backtrace_symbols_fd(top + i, 1, STDERR_FILENO);
        }
#endif
    depth = backtrace(stack, FF_ARRAY_ELEMS(stack));
    // without this function and what the kernel put between
    if (depth > 2)
        backtrace_symbols_fd(stack + 2, depth - 2, STDERR_FILENO);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void catch_crashes(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    static char alternative[64 << 10]; // the stack itself may be what is used up
    const stack_t stack = { .ss_sp = alternative, .ss_size = sizeof(alternative) };
    struct sigaction action = { .sa_sigaction = crash, .sa_flags = SA_ONSTACK | SA_SIGINFO };
    void *warm[1];

    backtrace(warm, 1); // it loads a library the first time
    sigaltstack(&stack, NULL);
    for (int i = 0; i < FF_ARRAY_ELEMS(signals); i++)
        sigaction(signals[i], &action, NULL);
#endif
}

/**
 * Whose code a crash was in: that of the first function on the stack that is
 * not the C or C++ library's or the sanitizer's. Ours is linked statically, so
 * it is in the program, everything else in a shared library. Where the stack has
 * none, what is near its end tells.
 *
 * @return whether it was LibTorch's, or a library's that it uses
 */
static int in_libtorch(FILE *log, char *where, size_t size)
{
    static const char *const passed[] = {
        "/libc.so", "/libstdc++.so", "/libgcc_s.so", "/libpthread.so", "/ld-linux",
        "/libasan.so", "/libubsan.so", "/libtsan.so", "linux-vdso", "sanitizer_common",
        "caught a signal", "libsanitizer",
    };
    char line[1024];
    int in_stack = 0;

    snprintf(where, size, "no stack");
    rewind(log);
    while (fgets(line, sizeof(line), log)) {
        const int perhaps = line[0] == '?';
        int pass;

        if (strstr(line, "caught a signal") || strstr(line, "ERROR: "))
            in_stack = 1;
        if (!in_stack || (!strchr(line, '[') && !strstr(line, "    #")))
            continue;
        pass = line[0] == '['  // an address where there is no code
            || (perhaps && where[0] == '?');
        for (int i = 0; i < FF_ARRAY_ELEMS(passed); i++)
            pass |= !!strstr(line, passed[i]);
        if (pass || strstr(line, "==ERROR"))
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(where, size, "%s", line);
        if (!perhaps)
            break;
    }
    return !!strstr(where, ".so");
}

static void show(FILE *log)
{
    char line[1024];
    int lines = 0;

    rewind(log);
    while (lines++ < 60 && fgets(line, sizeof(line), log))
        fputs(line, stderr);
}

IsolateResult isolate(const IsolateParams *params)
{
    IsolateResult result = { 0 };
    Progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int next = params->first;

    if (progress == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    while (next < params->first + params->count && !progress->end) {
        const int last = FFMIN(next + params->chunk, params->first + params->count);
        FILE *log = tmpfile();
        char where[1100];
        int status;
        pid_t child;

        fflush(stdout);
        fflush(stderr);
        child = log ? fork() : -1;
        if (child < 0) {
            perror("fork");
            exit(2);
        }
        if (!child) {
            dup2(fileno(log), STDERR_FILENO);
            catch_crashes();
            for (int i = next; i < last && !progress->end; i++) {
                int ret;

                progress->current = i;
                alarm(params->limit);
                ret = params->run(params->opaque, i);
                if (ret == 2) {
                    progress->end = 1;
                    break;
                }
                progress->wrong += ret;
            }
            alarm(10 * params->limit); // leaks are looked for at the end
            exit(0);
        }

        while (waitpid(child, &status, 0) < 0);
        if (WIFEXITED(status) && !WEXITSTATUS(status)) {
            next = progress->end ? progress->current : last;
        } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
            printf("case %d: hangs\n", progress->current);
            result.hung++;
            next = progress->current + 1;
        } else {
            const int theirs = in_libtorch(log, where, sizeof(where));

            printf("case %d: %s %d %s: %s\n", progress->current,
                   WIFSIGNALED(status) ? "signal" : "exit code",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                   theirs ? "in LibTorch" : "in our code", where);
            result.libtorch += theirs;
            result.crashed  += !theirs;
            if (!theirs)
                show(log);
            next = progress->current + 1;
        }
        if (progress->wrong > result.wrong) {
            result.wrong = progress->wrong;
            show(log);
        }
        fclose(log);
    }
    result.run = next - params->first;
    munmap(progress, sizeof(*progress));
    return result;
}
