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
 * Each way for a network to fail on a frame, or only seem to, with each sort of
 * scheduling, at the first, a middle, the last and every frame, and each policy.
 * Checked are the frames, their order and content, how the output ends, and that
 * there is one line that names the model, the frame and the reason.
 *
 * usage: dnn_faults MODEL [STEP]
 * MODEL is "faulty" of torch_models.cpp; of the combinations, every STEP-th of
 * those that are left over is run once each fault was tried sync and async.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libavutil/avstring.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "testgraph.h"

#define SIZE   16 ///< square, so that rows and columns can be exchanged
#define FRAMES 12
#define EVERY  (-1)

/** What the model returns for a good frame with that sample. */
#define GOOD(sample) (255 - (sample))

typedef struct Fault {
    const char *name;
    const char *reason; ///< part of the message; NULL: it works
    int         sample; ///< of the picture if it works, -1: as of a good frame
} Fault;

/* in the order of the model's cases, the first of which is 1 */
static const Fault faults[] = {
    { "raise",         "told to" },
    { "tuple of two",  "returned 2 tensors instead of one" },
    { "tuple of one",  NULL, -1 },
    { "list of two",   "returned 2 tensors instead of one" },
    { "list of one",   NULL, -1 },
    { "dict of one",   NULL, -1 },
    { "number",        "returned Double" },
    { "none",          "returned None" },
    { "string",        "returned String" },
    { "rank 2",        "tensor of shape [16, 16]" },
    { "rank 5",        "tensor of shape [1, 1, 3, 16, 16]" },
    { "channels",      "2 channels of 16x16" },
    { "batch of two",  "tensor of shape [2, 3, 16, 16]" },
    { "batch of none", "tensor of shape [0, 3, 16, 16]" },
    { "no rows",       "3 channels of 16x0" },
    { "wider",         "3 channels of 32x16" },
    { "view of 2^33 columns", "3 channels of 8589934592x16" },
    { "int",           "returned Int values" },
    { "bool",          "returned Bool values" },
    { "complex",       "returned ComplexFloat values" },
    { "quantized",     "returned QUInt8 values" },
    { "half",          NULL, -1 },
    { "double",        NULL, -1 },
    { "bfloat16",      NULL, 0 },
    { "not contiguous", NULL, -1 },
    { "not a number",  NULL, 0 },
    { "infinity",      NULL, 255 },
    { "slow",          NULL, -1 },
    { "no batch",      NULL, -1 },
    { "sparse",        "layout Sparse" },
    { "meta",          "meta" },
    { "128 TiB",       "can't allocate memory" },
    { "negative size", "negative" },
    { "no such index", "out of range" },
    { "input overwritten",  NULL, 255 },
    { "input transposed",   NULL, -1 },
    { "input resized",      NULL, -1 },
};

/** What the log had to say about failures. */
static struct {
    const char *model;
    int  nb_lines;      ///< that name a failed frame
    int  nb_reasons;    ///< of those, with the expected frame and reason
    int  nb_summaries;
    const char *reason;
    int  frame;         ///< the first that fails, from 0
    char first[512];
} told;

static void hear(void *avcl, int level, const char *format, va_list args)
{
    char line[512], frame[32];

    if (level > AV_LOG_WARNING)
        return;
    vsnprintf(line, sizeof(line), format, args);
    if (strstr(line, "frames failed and were"))
        told.nb_summaries++;
    if (!strstr(line, ") failed: "))
        return;
    if (!told.nb_lines++) {
        av_strlcpy(told.first, line, sizeof(told.first));
        snprintf(frame, sizeof(frame), "frame %d (pts %d) ", told.frame + 1, told.frame);
        told.nb_reasons = told.reason && strstr(line, told.model) && strstr(line, frame) &&
                          strstr(line, told.reason);
    }
}

static const char *const policies[] = { "error", "pass", "drop" };
enum { POLICY_ERROR, POLICY_PASS, POLICY_DROP };
static const int bad_frames[] = { 5, 0, FRAMES - 1, EVERY };

static uint8_t sample_of(int frame)
{
    return 40 + 3 * frame;
}

static int is_bad(int bad, int frame)
{
    return bad == EVERY || bad == frame;
}

/** @return NULL or what was wrong */
static const char *run(const char *model, int code, int bad, int schedule, int policy)
{
    const Fault *fault = &faults[code - 1];
    const int fails = !!fault->reason;
    const int nb_bad = bad == EVERY ? FRAMES : 1;
    const char *wrong = NULL;
    TestGraph graph;
    AVFrame *frame = av_frame_alloc();
    char filter[512];
    int expected = 0; ///< the frame that comes next
    int ret;

    if (!frame)
        return "no memory";
    snprintf(filter, sizeof(filter), "dnn_processing=dnn_backend=torch:model=%s:async=%d:nireq=%d:"
             "batch_size=%d:workers=2:threads=1:on_error=%s", model, schedule & 1,
             schedule & 2 ? 4 : 1, schedule & 4 ? 3 : 1, policies[policy]);

    memset(&told, 0, sizeof(told));
    told.model  = model;
    told.reason = fault->reason;
    told.frame  = bad == EVERY ? 0 : bad;

    if (testgraph_open(&graph, filter, SIZE, SIZE) < 0) {
        wrong = "the filter does not start";
        goto end;
    }
    for (int i = 0; i <= FRAMES && !wrong; i++) {
        if (i == FRAMES)
            testgraph_end(&graph);
        else if (testgraph_send(&graph, sample_of(i), is_bad(bad, i) ? code : 0) < 0 &&
                 (!fails || policy != POLICY_ERROR))
            wrong = "a frame is refused";
        while (!wrong && (ret = testgraph_receive(&graph, frame)) >= 0) {
            int sample;

            if (policy == POLICY_DROP && fails)
                while (expected < FRAMES && is_bad(bad, expected))
                    expected++;
            sample = GOOD(sample_of(expected));
            if (is_bad(bad, expected)) {
                if (fails)
                    sample = sample_of(expected);
                else if (fault->sample >= 0)
                    sample = fault->sample;
            }
            if (frame->pts != expected)
                wrong = "a frame is missing or out of order";
            else if (fails && policy == POLICY_ERROR && is_bad(bad, expected))
                wrong = "a frame that failed came out";
            else if (!(is_bad(bad, expected) && !strcmp(fault->name, "bfloat16")) &&
                     (frame->data[0][3] != sample ||
                      frame->data[0][(SIZE - 1) * frame->linesize[0] + 3 * SIZE - 1] != sample))
                wrong = "wrong picture";
            expected++;
            av_frame_unref(frame);
        }
        if (ret < 0 && ret != AVERROR(EAGAIN))
            break;
    }
    testgraph_close(&graph);
    if (wrong)
        goto end;

    if (!fails) {
        if (ret != AVERROR_EOF || graph.nb_out != FRAMES)
            wrong = "not all frames came out";
        else if (told.nb_lines)
            wrong = "a failure was reported";
    } else if (policy == POLICY_ERROR) {
        if (ret >= 0 || ret == AVERROR_EOF || ret == AVERROR(EAGAIN))
            wrong = "no error";
        else if (graph.nb_out != told.frame)
            wrong = "the frames before the failed one did not come out";
        else if (told.nb_lines != 1 || told.nb_summaries)
            wrong = "not exactly one line";
    } else {
        if (ret != AVERROR_EOF)
            wrong = "the end is missing";
        else if (graph.nb_out != (policy == POLICY_PASS ? FRAMES : FRAMES - nb_bad))
            wrong = "wrong number of frames";
        else if (told.nb_lines != FFMIN(nb_bad, 5))
            wrong = "not a line for each of the first five";
        else if (told.nb_summaries != 1)
            wrong = "no summary";
    }
    if (!wrong && fails && !told.nb_reasons)
        wrong = "the line does not name the model, the frame and the reason";

end:
    av_frame_free(&frame);
    if (wrong)
        fprintf(stderr, "%s, frame %d, %s: %s (%d frames out)\n    %s\n", fault->name, bad,
                filter, wrong, graph.nb_out, told.first);
    return wrong;
}

int main(int argc, char **argv)
{
    const int step = argc > 2 ? atoi(argv[2]) : 1;
    int nb_runs = 0, nb_wrong = 0, other = 0;

    if (argc < 2 || step < 1) {
        fprintf(stderr, "usage: dnn_faults MODEL [STEP]\n");
        return 2;
    }
    av_log_set_callback(hear);

    for (int code = 1; code <= FF_ARRAY_ELEMS(faults); code++) {
        int wrong = 0;

        for (int schedule = 0; schedule < 8; schedule++)
            for (int b = 0; b < FF_ARRAY_ELEMS(bad_frames); b++)
                for (int policy = 0; policy < FF_ARRAY_ELEMS(policies); policy++) {
                    // each fault sync and async, the policies and the rest in turn
                    if ((b || (schedule ^ code) % 4 > 1 || schedule >> 2 != (code >> 1 & 1) ||
                         policy != (code + schedule) % 3) && other++ % step)
                        continue;
                    nb_runs++;
                    wrong += !!run(argv[1], code, bad_frames[b], schedule, policy);
                }
        printf("%s: %s\n", faults[code - 1].name,
               wrong ? "wrong" : faults[code - 1].reason ? "fails as it should" : "works");
        nb_wrong += wrong;
    }
    fprintf(stderr, "%d runs, %d wrong\n", nb_runs, nb_wrong);
    return nb_wrong > 0;
}
