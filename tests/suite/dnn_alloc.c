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

/**
 * @file
 * Every allocation of ours fails once in turn: the n-th call of the program's
 * own code, from FFmpeg's libraries and the backend, to an allocating function or
 * to start a thread. LibTorch's own calls do not, for it is a shared library and
 * the functions are exchanged when the program is linked (--wrap).
 *
 * What it has to come to is an error, or success when the failure does not
 * matter, and never a crash; leaks are for a sanitizer to find.
 *
 * usage: dnn_alloc DIRECTORY_OF_MODELS [STEP [SCENARIO FIRST COUNT]]
 * Every STEP-th call in each scenario, or some of one of them in this process.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libavutil/avstring.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"
#include "isolate.h"
#include "testgraph.h"

static atomic_int countdown;    ///< calls until the one that fails; <= 0: past it

static int fails(void)
{
    return atomic_fetch_sub(&countdown, 1) == 1;
}

#define WRAP(type, name, parameters, arguments, failure)        \
    type __real_##name parameters;                              \
    type __wrap_##name parameters;                              \
    type __wrap_##name parameters                               \
    {                                                           \
        return fails() ? failure : __real_##name arguments;     \
    }

WRAP(void *, malloc, (size_t size), (size), (errno = ENOMEM, NULL))
WRAP(void *, calloc, (size_t n, size_t size), (n, size), (errno = ENOMEM, NULL))
WRAP(void *, realloc, (void *p, size_t size), (p, size), (errno = ENOMEM, NULL))
WRAP(int, posix_memalign, (void **p, size_t align, size_t size), (p, align, size), ENOMEM)
WRAP(int, pthread_create, (pthread_t *thread, const pthread_attr_t *attr, void *(*f)(void *), void *arg),
     (thread, attr, f, arg), EAGAIN)
/* operator new(size_t, std::nothrow_t) */
WRAP(void *, _ZnwmRKSt9nothrow_t, (size_t size, const void *nothrow), (size, nothrow), NULL)

/* operator new(size_t), and how the library throws std::bad_alloc; AddressSanitizer
 * does not when it gets no memory */
void *__real__Znwm(size_t size);
void *__wrap__Znwm(size_t size);
void _ZSt17__throw_bad_allocv(void);
void *__wrap__Znwm(size_t size)
{
    if (fails())
        _ZSt17__throw_bad_allocv();
    return __real__Znwm(size);
}

/* DIR is the directory of the models */
static const char *const scenarios[] = {
    "dnn_processing=dnn_backend=torch:model=DIR/identity.pt:async=1:workers=2:batch_size=2:threads=1",
    "dnn_processing=dnn_backend=torch:model=DIR/conv3.pt:async=0:threads=1",
    "dnn_processing=dnn_backend=torch:model=DIR/faulty.pt:async=1:workers=1:threads=1:on_error=pass",
    "dnn_processing=dnn_backend=torch:model=DIR/faulty.pt:async=1:workers=1:threads=1",
    "dnn_processing=dnn_backend=torch:model=DIR/there_is_none.pt",
    // boxes in every frame: found, and classified in batches
    "dnn_detect=dnn_backend=torch:model=DIR/yolov8_out.pt:model_type=yolov8:nb_classes=3:labels=DIR/labels.txt:async=0:threads=1,"
    "dnn_classify=dnn_backend=torch:model=DIR/count.pt:labels=DIR/labels.txt:input_size=8x8:batch_size=2:workers=2:threads=1",
};

typedef struct Alloc {
    const char *directory;
    int         step;
    int         scenario;
} Alloc;

static int run(void *opaque, int number)
{
    const Alloc *alloc = opaque;
    const int fault = alloc->scenario == 2 || alloc->scenario == 3;
    TestGraph graph;
    AVFrame *frame;
    char *filter;
    int ret, next = 0, wrong = 0;

    atomic_store(&countdown, 0);
    filter = av_strireplace(scenarios[alloc->scenario], "DIR", alloc->directory);
    frame  = av_frame_alloc();
    if (!filter || !frame)
        return 1;

    atomic_store(&countdown, 1 + number * alloc->step);
    ret = testgraph_open(&graph, filter, 32, 24);
    if (ret >= 0) {
        for (int i = 0; i < 5 && ret >= 0; i++)
            ret = testgraph_send(&graph, 50 * i, fault && i == 3);
        testgraph_end(&graph);
        while ((ret = testgraph_receive(&graph, frame)) >= 0) {
            // a frame that could not be sent has no number
            wrong |= frame->pts < next;
            next = frame->pts + 1;
            av_frame_unref(frame);
        }
        // an error that came before the end of the input is known by its frames
        wrong |= ret == AVERROR(EAGAIN);
    }
    testgraph_close(&graph);
    ret = atomic_load(&countdown) > 0 ? 2 : wrong; // 2: it was never reached
    atomic_store(&countdown, 0);
    av_frame_free(&frame);
    av_free(filter);
    if (wrong)
        fprintf(stderr, "scenario %d, call %d: frames out of order, or no end\n",
                alloc->scenario, 1 + number * alloc->step);
    return ret;
}

int main(int argc, char **argv)
{
    Alloc alloc = { .step = argc > 2 ? atoi(argv[2]) : 1 };
    IsolateParams params = { .count = 1000000, .chunk = 25,
                             .limit = 60, .run = run, .opaque = &alloc };
    int bad = 0;

    if (argc < 2 || alloc.step < 1) {
        fprintf(stderr, "usage: dnn_alloc DIRECTORY_OF_MODELS [STEP [SCENARIO FIRST COUNT]]\n");
        return 2;
    }
    alloc.directory = argv[1];
    if (argc > 5) {
        alloc.scenario = atoi(argv[3]);
        for (int i = 0; i < atoi(argv[5]); i++)
            bad += run(&alloc, atoi(argv[4]) + i);
        return bad > 0;
    }
    av_log_set_level(AV_LOG_QUIET);
    for (; alloc.scenario < FF_ARRAY_ELEMS(scenarios); alloc.scenario++) {
        const IsolateResult result = isolate(&params);

        printf("%s: %d calls failed in turn, %d wrong, %d crashed in our code, %d hung; %d crashed in LibTorch\n",
               scenarios[alloc.scenario], result.run, result.wrong, result.crashed, result.hung, result.libtorch);
        bad += result.wrong + result.crashed + result.hung + !result.run;
    }
    return bad > 0;
}
