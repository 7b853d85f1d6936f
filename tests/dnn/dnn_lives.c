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
 * drained or not, and freed in random states, in two threads at a time that
 * share the model files. Every frame that comes out has to be the next one, and
 * at the end there must be no more threads and open files than in the beginning.
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

#include "libavutil/avstring.h"
#include "libavutil/frame.h"
#include "libavutil/lfg.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/thread.h"
#include "libavfilter/avfilter.h"
#include "libavfilter/buffersink.h"
#include "libavfilter/buffersrc.h"

#define WIDTH  64
#define HEIGHT 48

#define CHECK(condition) do {                                           \
    if (!(condition)) {                                                 \
        fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition,     \
                life->options);                                         \
        exit(1);                                                        \
    }                                                                   \
} while (0)

static const struct {
    const char *filter;
    const char *model;
    const char *options;
} kinds[] = {
    { "dnn_processing", "identity",   "" },
    { "dnn_processing", "up2",        "" },
    { "dnn_processing", "conv3",      "" },
    { "dnn_processing", "slow",       "" },
    { "dnn_detect",     "ssd",        ":confidence=0" },
    { "dnn_detect",     "yolov8",     ":confidence=0:model_type=yolov8:input_size=32x32" },
    // of the boxes that frames get from dnn_detect with the model ssd
    { "dnn_classify",   "colour",     ":confidence=0:input_size=16x16" },
    // fails on a frame whose first pixel is white
    { "dnn_processing", "fail_white", "" },
};

typedef struct Life {
    AVLFG            lfg;
    char             options[512]; ///< of the filter, for messages
    AVFilterGraph   *graph;
    AVFilterContext *source;
    AVFilterContext *sink;
    int              nb_in;        ///< frames sent
    int              nb_out;       ///< frames received
    int              bad;          ///< the frame that fails, -1: none
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

static void begin(Life *life, const char *directory)
{
    const unsigned kind = pick(life, FF_ARRAY_ELEMS(kinds));
    AVFilterContext *filter, *last;

    snprintf(life->options, sizeof(life->options),
             "dnn_backend=torch:model=%s/%s.pt:async=%u:nireq=%u:workers=%u:batch_size=%u:threads=%u%s",
             directory, kinds[kind].model, pick(life, 4) > 0, pick(life, 6),
             pick(life, 4), 1 + pick(life, 3), 1 + pick(life, 2), kinds[kind].options);
    life->nb_in = life->nb_out = 0;
    life->bad   = kind == FF_ARRAY_ELEMS(kinds) - 1 ? pick(life, 12) : -1;

    life->graph = avfilter_graph_alloc();
    CHECK(life->graph);
    CHECK(avfilter_graph_create_filter(&life->source, avfilter_get_by_name("buffer"), "in",
              "video_size=" AV_STRINGIFY(WIDTH) "x" AV_STRINGIFY(HEIGHT)
              ":pix_fmt=rgb24:time_base=1/25", NULL, life->graph) >= 0);
    CHECK(avfilter_graph_create_filter(&filter, avfilter_get_by_name(kinds[kind].filter), "dnn",
                                       life->options, NULL, life->graph) >= 0);
    CHECK(avfilter_graph_create_filter(&life->sink, avfilter_get_by_name("buffersink"), "out",
                                       NULL, NULL, life->graph) >= 0);
    last = life->source;
    if (!strcmp(kinds[kind].filter, "dnn_classify")) {
        char options[512];

        snprintf(options, sizeof(options), "dnn_backend=torch:model=%s/ssd.pt:confidence=0", directory);
        CHECK(avfilter_graph_create_filter(&last, avfilter_get_by_name("dnn_detect"), "detect",
                                           options, NULL, life->graph) >= 0);
        CHECK(avfilter_link(life->source, 0, last, 0) >= 0);
    }
    CHECK(avfilter_link(last, 0, filter, 0) >= 0);
    CHECK(avfilter_link(filter, 0, life->sink, 0) >= 0);
}

/** Receive frames until there is none. @return why there is none */
static int receive(Life *life)
{
    AVFrame *frame = av_frame_alloc();
    int ret;

    CHECK(frame);
    while ((ret = av_buffersink_get_frame_flags(life->sink, frame,
                                                AV_BUFFERSINK_FLAG_NO_REQUEST)) >= 0) {
        CHECK(frame->pts == life->nb_out);
        CHECK(life->nb_out != life->bad);
        CHECK(life->nb_out < life->nb_in);
        life->nb_out++;
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
    return ret;
}

/** @return whether the filter takes more */
static int send(Life *life)
{
    AVFrame *frame = av_frame_alloc();
    int ret;

    CHECK(frame);
    frame->width  = WIDTH;
    frame->height = HEIGHT;
    frame->format = AV_PIX_FMT_RGB24;
    frame->pts    = life->nb_in;
    CHECK(av_frame_get_buffer(frame, 0) >= 0);
    for (int y = 0; y < HEIGHT; y++)
        memset(frame->data[0] + y * frame->linesize[0], 3 * life->nb_in, 3 * WIDTH);
    if (life->nb_in == life->bad)
        memset(frame->data[0], 255, 3);
    life->nb_in++;
    ret = av_buffersrc_add_frame_flags(life->source, frame, AV_BUFFERSRC_FLAG_PUSH);
    av_frame_free(&frame);
    CHECK(ret >= 0 || life->bad >= 0);
    return ret >= 0;
}

static void live(Life *life, const char *directory)
{
    const unsigned nb_frames = pick(life, 16);
    const unsigned end       = pick(life, 4);
    int ret = AVERROR(EAGAIN);

    begin(life, directory);
    // an unconfigured graph ends as well
    if (end == 3 && !nb_frames)
        goto end;
    CHECK(avfilter_graph_config(life->graph, NULL) >= 0);

    for (int i = 0; i < nb_frames && ret == AVERROR(EAGAIN) && send(life); i++)
        if (pick(life, 2))
            ret = receive(life);
    // the first half of the ways to end: with whatever is in flight
    if (end < 2)
        goto end;

    av_buffersrc_close(life->source, life->nb_in, AV_BUFFERSRC_FLAG_PUSH);
    if (ret == AVERROR(EAGAIN))
        ret = receive(life);
    if (life->bad >= 0 && life->bad < life->nb_in) {
        CHECK(ret < 0 && ret != AVERROR_EOF && ret != AVERROR(EAGAIN));
        CHECK(life->nb_out == life->bad);
    } else {
        CHECK(ret == AVERROR_EOF);
        CHECK(life->nb_out == life->nb_in);
    }
end:
    avfilter_graph_free(&life->graph);
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
