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
 * Lives of the LibTorch backend that end at any moment: filters are made, fed,
 * drained or not, made anew for another size, and freed in random states, one or
 * some in a graph, in two threads at a time that share the model files. Every
 * frame that comes out has to be the next one, and at the end there must be no
 * more threads and open files than in the beginning.
 *
 * usage: dnn_lives DIRECTORY_OF_MODELS LIVES [SEED]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#if HAVE_DIRENT_H
#include <dirent.h>
#endif

#include "libavutil/frame.h"
#include "libavutil/lfg.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/thread.h"
#include "testgraph.h"

#define CHECK(condition) do {                                           \
    if (!(condition)) {                                                 \
        fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition,     \
                life->filters);                                         \
        exit(1);                                                        \
    }                                                                   \
} while (0)

static const struct Kind {
    const char *filter, *model, *options;
} kinds[] = {
    { "dnn_processing", "identity", "" },
    { "dnn_processing", "up2",      "" },
    { "dnn_processing", "conv3",    "" },
    { "dnn_processing", "slow",     "" },
    { "dnn_processing", "middle_of_three", ":frames=3:stack=time" },
    { "dnn_processing", "up2",      ":tile=32x24:overlap=3" },
    { "dnn_detect",     "ssd",      ":confidence=0" },
    { "dnn_detect",     "yolov8",   ":confidence=0:model_type=yolov8:input_size=32x32" },
    // of the boxes that frames get from dnn_detect with the model ssd
    { "dnn_classify",   "colour",   ":confidence=0:input_size=16x16" },
    // the last two fail: on a frame whose first pixel is white, and at once
    { "dnn_processing", "fail_white", "" },
    { "dnn_processing", "fail",       "" },
};
enum { IDENTITY = 0, DETECT = 6, FAIL_WHITE = FF_ARRAY_ELEMS(kinds) - 2, FAIL };

static const char *const policies[] = { "error", "drop", "pass" };

typedef struct Life {
    AVLFG       lfg;
    char        filters[2048]; ///< of the graph, for messages
    TestGraph   graph;
    unsigned    kind;
    unsigned    policy;        ///< for the frames that fail
    int         bad;           ///< the frame that fails, -1: none
    int         next;          ///< the frame that has to come out next
} Life;

typedef struct Thread {
    const char *directory;
    int         nb_lives;
    unsigned    seed;
} Thread;

static unsigned pick(Life *life, unsigned range)
{
    return av_lfg_get(&life->lfg) % range;
}

static void add_filter(Life *life, const char *directory, unsigned number)
{
    const struct Kind *kind = &kinds[number];
    size_t length;

    if (!strcmp(kind->filter, "dnn_classify"))
        add_filter(life, directory, DETECT);
    length = strlen(life->filters);
    snprintf(life->filters + length, sizeof(life->filters) - length,
             "%s%s=dnn_backend=torch:model=%s/%s.pt:async=%u:nireq=%u:workers=%u:"
             "batch_size=%u:threads=%u:on_error=%s%s", length ? "," : "", kind->filter,
             directory, kind->model, pick(life, 4) > 0, pick(life, 6), pick(life, 4),
             1 + pick(life, 3), 1 + pick(life, 2), policies[life->policy], kind->options);
}

/** @return whether there is a graph that works */
static int begin(Life *life, const char *directory)
{
    const unsigned around = pick(life, 4);
    const int width = 64 + 8 * pick(life, 2);
    int ret;

    // one that fails at once is met less often
    life->kind   = pick(life, FF_ARRAY_ELEMS(kinds) - !!pick(life, 4));
    life->bad    = life->kind == FAIL_WHITE ? pick(life, 12) : -1;
    life->policy = pick(life, FF_ARRAY_ELEMS(policies));
    life->next   = 0;

    *life->filters = 0;
    if (around == 1 || around == 3)
        add_filter(life, directory, IDENTITY);
    add_filter(life, directory, life->kind);
    if (around == 2 || around == 3)
        add_filter(life, directory, IDENTITY);

    ret = testgraph_open(&life->graph, life->filters, width, 48);
    CHECK((ret >= 0) == (life->kind != FAIL));
    return ret >= 0;
}

/** Receive frames until there is none. @return why there is none */
static int receive(Life *life)
{
    AVFrame *frame = av_frame_alloc();
    int ret;

    CHECK(frame);
    while ((ret = testgraph_receive(&life->graph, frame)) >= 0) {
        if (life->next == life->bad && life->policy == 1)
            life->next++;
        CHECK(frame->pts == life->next);
        CHECK(life->next != life->bad || life->policy == 2);
        CHECK(life->next < life->graph.nb_in);
        life->next++;
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
    return ret;
}

/** @return whether the filter takes more */
static int send(Life *life)
{
    const int frame = life->graph.nb_in;
    const int ret = testgraph_send(&life->graph, 3 * frame, frame == life->bad ? 255 : 3 * frame);

    CHECK(ret >= 0 || life->bad >= 0);
    return ret >= 0;
}

/** Send some frames and receive what comes. @return as receive() */
static int feed(Life *life, unsigned nb_frames)
{
    int ret = AVERROR(EAGAIN);

    for (int i = 0; i < nb_frames && ret == AVERROR(EAGAIN) && send(life); i++)
        if (pick(life, 2))
            ret = receive(life);
    return ret;
}

static void live(Life *life, const char *directory)
{
    const unsigned nb_frames = pick(life, 16);
    const unsigned end       = pick(life, 6);
    int ret;

    if (!begin(life, directory))
        goto end;
    ret = feed(life, nb_frames);

    // some of the ways to end: with whatever is in flight
    if (end < 2)
        goto end;
    // for another one that has begun meanwhile, as when the size changes
    if (end == 2) {
        TestGraph old = life->graph;

        if (begin(life, directory))
            feed(life, pick(life, 4));
        testgraph_close(&old);
        goto end;
    }

    testgraph_end(&life->graph);
    // nobody is there any more to receive what the end brings out
    if (end == 3)
        goto end;
    if (ret == AVERROR(EAGAIN))
        ret = receive(life);
    if (life->bad >= 0 && life->bad < life->graph.nb_in && !life->policy) {
        CHECK(ret < 0 && ret != AVERROR_EOF && ret != AVERROR(EAGAIN));
        CHECK(life->next == life->bad);
    } else {
        CHECK(ret == AVERROR_EOF);
        CHECK(life->graph.nb_out == life->graph.nb_in -
              (life->policy == 1 && life->bad >= 0 && life->bad < life->graph.nb_in));
    }
end:
    testgraph_close(&life->graph);
}

static void *run_lives(void *arg)
{
    const Thread *thread = arg;
    Life life = { 0 };

    av_lfg_init(&life.lfg, thread->seed);
    for (int i = 0; i < thread->nb_lives; i++)
        live(&life, thread->directory);
    return NULL;
}

/** @return the number of entries in a directory of this process, 0 if unknown */
static int count(const char *directory)
{
    int entries = 0;
#if HAVE_DIRENT_H
    DIR *dir = opendir(directory);

    while (dir && readdir(dir))
        entries++;
    if (dir)
        closedir(dir);
#endif
    return entries;
}

int main(int argc, char **argv)
{
    Thread threads[2];
    int nb_threads, nb_files;

    if (argc < 3) {
        fprintf(stderr, "usage: dnn_lives DIRECTORY_OF_MODELS LIVES [SEED]\n");
        return 2;
    }
    // failures are part of it
    av_log_set_level(AV_LOG_QUIET);

    for (int i = 0; i < 2; i++)
        threads[i] = (Thread){ argv[1], atoi(argv[2]) / 2, (argc > 3 ? atoi(argv[3]) : 1) + i };

    // what LibTorch starts once and keeps
    run_lives(&(Thread){ argv[1], 20, 1 });
    nb_threads = count("/proc/self/task");
    nb_files   = count("/proc/self/fd");

#if HAVE_PTHREADS
    {
        pthread_t other;

        if (pthread_create(&other, NULL, run_lives, &threads[1]))
            return 1;
        run_lives(&threads[0]);
        pthread_join(other, NULL);
    }
#else
    run_lives(&threads[0]);
#endif

    nb_threads = count("/proc/self/task") - nb_threads;
    nb_files   = count("/proc/self/fd") - nb_files;
    // LibTorch has pools of its own, of one thread with threads=2: for each
    // thread that runs a network, and one for all
    printf("threads: %s\n", nb_threads <= 3 ? "no more" : "more");
    printf("files: %s\n", nb_files <= 0 ? "no more" : "more");
    return 0;
}
