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
 * What dnn_detect makes of the outputs of a model, without a model: the removal
 * of overlaps against a plain one, and tensors with any shape and any numbers.
 *
 * usage: dnn_detect [FIRST_SEED COUNT]
 */

#include "libavfilter/vf_dnn_detect.c"

#include <stdio.h>
#include <stdlib.h>

#include "libavutil/lfg.h"

static AVLFG lfg;

static unsigned pick(unsigned range)
{
    return av_lfg_get(&lfg) % range;
}

static double uniform(double from, double to)
{
    return from + (to - from) * (av_lfg_get(&lfg) / 4294967296.0);
}

/** Each box is compared with each that is kept. */
static void remove_plainly(const DnnDetectContext *ctx, Candidates *found)
{
    const float threshold = ctx->iou < 0 ? ctx->confidence : ctx->iou;
    char *kept = calloc(found->nb + 1, 1);

    if (!kept)
        exit(2);
    while (1) {
        int best = -1;

        for (int i = 0; i < found->nb; i++)
            if (!kept[i] && !found->boxes[i].dropped &&
                (best < 0 || found->boxes[i].confidence > found->boxes[best].confidence))
                best = i;
        if (best < 0)
            break;
        kept[best] = 1;
        for (int i = 0; i < found->nb; i++)
            if (!kept[i] && dnn_detect_same_label(ctx, &found->boxes[i], &found->boxes[best]) &&
                dnn_detect_IOU(&found->boxes[i], &found->boxes[best]) >= threshold)
                found->boxes[i].dropped = 1;
    }
    free(kept);
}

typedef enum Kind { BOXES_ANY, BOXES_SMALL, BOXES_GRID, BOXES_CLUSTERS, BOXES_OCTAVES, BOXES_SAME, NB_KINDS } Kind;

static Candidate make_box(Kind kind, int i, int nb, int width, int height)
{
    const int columns = FFMAX(width / 8, 1);
    Candidate box = { .confidence = pick(kind == BOXES_GRID ? 10001 : 101) };

    switch (kind) {
    case BOXES_ANY:
        box.w = 1 + pick(2 * width);
        box.h = 1 + pick(2 * height);
        break;
    case BOXES_SMALL:
        box.w = 1 + pick(12);
        box.h = 1 + pick(12);
        break;
    case BOXES_GRID:
        return (Candidate){ .x = i % columns * 8, .y = i / columns * 8, .w = 7, .h = 7,
                            .confidence = box.confidence };
    case BOXES_CLUSTERS:
        box.w = width  / 4 + pick(16) + 1;
        box.h = height / 4 + pick(16) + 1;
        box.x = pick(3) * width  / 3 + pick(24);
        box.y = pick(3) * height / 3 + pick(24);
        return box;
    case BOXES_OCTAVES: // the small ones first
        box.w = box.h = 1 << pick(10);
        box.confidence = 10000 - 900 * av_log2(box.w) + pick(100);
        break;
    default:
        return (Candidate){ .w = width, .h = height, .confidence = 5000 };
    }
    box.x = (int)pick(3 * width)  - width;
    box.y = (int)pick(3 * height) - height;
    return box;
}

/** @return 0 if the same boxes are kept; nb_compared is increased */
static int compare(AVFilterContext *filter_ctx, Kind kind, int nb, int nb_labels, float iou)
{
    DnnDetectContext *ctx = filter_ctx->priv;
    Candidates found = { .nb = nb }, expected = { .nb = nb };
    const int width = 1 + pick(2000), height = 1 + pick(1200);
    int ret = 0;

    found.boxes    = calloc(nb + 1, sizeof(*found.boxes));
    expected.boxes = calloc(nb + 1, sizeof(*found.boxes));
    if (!found.boxes || !expected.boxes)
        exit(2);
    for (int i = 0; i < nb; i++) {
        found.boxes[i] = make_box(kind, i, nb, width, height);
        found.boxes[i].label_id = pick(nb_labels);
        expected.boxes[i] = found.boxes[i];
    }

    ctx->iou = iou;
    remove_plainly(ctx, &expected);
    if (dnn_detect_remove_overlaps(filter_ctx, &found) < 0)
        exit(2);
    for (int i = 0; i < nb; i++)
        if (found.boxes[i].dropped != expected.boxes[i].dropped) {
            fprintf(stderr, "box %d of %d of kind %d, %d labels, iou %f: %s\n", i, nb, kind, nb_labels, iou,
                    expected.boxes[i].dropped ? "kept" : "dropped");
            ret = 1;
            break;
        }
    free(found.boxes);
    free(expected.boxes);
    return ret;
}

/* the number of pairs that the filter tells */
static int64_t nb_compared;

static void hear(void *avcl, int level, const char *format, va_list args)
{
    char line[256], *end;

    vsnprintf(line, sizeof(line), format, args);
    if ((end = strstr(line, " boxes, ")))
        nb_compared = strtoll(end + 8, NULL, 10);
    else if (level <= AV_LOG_WARNING && getenv("VERBOSE"))
        fputs(line, stderr);
}

/** As many boxes as a YOLO network returns, none of which is to be dropped or nearly so. */
static int count_pairs(AVFilterContext *filter_ctx)
{
    DnnDetectContext *ctx = filter_ctx->priv;
    static const float ious[] = { 0.1, 0.3, 0.45, 0.5, 0.7, 0.95 };
    const int nb = 25200;
    int bad = 0;

    for (Kind kind = 0; kind < NB_KINDS; kind++)
        for (int k = 0; k < FF_ARRAY_ELEMS(ious); k++) {
            Candidates found = { .nb = nb, .boxes = calloc(nb, sizeof(Candidate)) };

            if (!found.boxes)
                exit(2);
            for (int i = 0; i < nb; i++)
                found.boxes[i] = make_box(kind, i, nb, 1280, 1280);
            ctx->iou = ious[k];
            if (dnn_detect_remove_overlaps(filter_ctx, &found) < 0)
                exit(2);
            // of 317 million
            if (nb_compared > 5000000) {
                fprintf(stderr, "kind %d, iou %f: %"PRId64" pairs compared\n", kind, ious[k], nb_compared);
                bad = 1;
            }
            if (getenv("VERBOSE"))
                printf("kind %d, iou %.2f: %"PRId64" pairs compared\n", kind, ious[k], nb_compared);
            free(found.boxes);
        }
    return bad;
}

static float number(void)
{
    static const float odd[] = { NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 0, -0.f, 1, -1, 1e9, -1e9,
                                 2147483648.f, -2147483648.f, FLT_MIN, 88.8, 1e-30 };
    return pick(3) ? uniform(-2, 2) : pick(2) ? uniform(-2000, 2000) : odd[pick(FF_ARRAY_ELEMS(odd))];
}

static int some_size(void)
{
    static const int sizes[] = { 0, 1, 2, 4, 5, 6, 7, 8, 13, 24, 65531, INT_MAX };
    return sizes[pick(FF_ARRAY_ELEMS(sizes))];
}

/** A tensor of any shape, in memory of just its size. */
static void make_output(DNNData *output)
{
    static const int dims[] = { 0, 1, 1, 1, 2, 3, 5, 6, 7, 7, 8, 13, 24 };
    int size;

    *output = (DNNData){ .dt = DNN_FLOAT, .layout = DL_NCHW };
    output->dims[0] = 1;
    for (int i = 1; i < 4; i++)
        output->dims[i] = dims[pick(FF_ARRAY_ELEMS(dims))];
    size = output->dims[1] * output->dims[2] * output->dims[3];
    output->data = malloc(FFMAX(size, 1) * sizeof(float));
    if (!output->data)
        exit(2);
    for (int i = 0; i < size; i++)
        ((float *)output->data)[i] = number();
}

/** @return 0 if all boxes of a frame are what a box may be */
static int check_frame(const AVFrame *frame, int seed)
{
    const AVFrameSideData *sd = av_frame_get_side_data(frame, AV_FRAME_DATA_DETECTION_BBOXES);
    const AVDetectionBBoxHeader *header = sd ? (void *)sd->data : NULL;

    for (int i = 0; header && i < header->nb_bboxes; i++) {
        const AVDetectionBBox *bbox = av_get_detection_bbox(header, i);

        if (bbox->w <= 0 || bbox->h <= 0 || bbox->x >= frame->width || bbox->y >= frame->height ||
            bbox->x + (int64_t)bbox->w <= 0 || bbox->y + (int64_t)bbox->h <= 0 ||
            bbox->x < -frame->width || bbox->x + (int64_t)bbox->w > 2 * frame->width ||
            bbox->detect_confidence.num < 0 || bbox->classify_count || !bbox->detect_label[0]) {
            fprintf(stderr, "seed %d: box %d is %d, %d, %dx%d, confidence %d, label %s\n", seed, i,
                    bbox->x, bbox->y, bbox->w, bbox->h, bbox->detect_confidence.num, bbox->detect_label);
            return 1;
        }
    }
    return 0;
}

static int any_tensors(AVFilterContext *filter_ctx, int seed)
{
    DnnDetectContext *ctx = filter_ctx->priv;
    float anchors[12];
    AVFrame *frame = av_frame_alloc();
    DNNData outputs[4];
    const int tf = !pick(8);
    const int nb_outputs = tf ? 4 : 1 + pick(3);
    int ret;

    if (!frame)
        exit(2);
    frame->width      = 1 + pick(64);
    frame->height     = 1 + pick(64);
    ctx->scale_width  = 1 + pick(64);
    ctx->scale_height = 1 + pick(64);
    ctx->model_type   = pick(DDMT_YOLOV10 + 1);
    ctx->confidence   = pick(2) ? uniform(0, 1) : 0;
    ctx->iou          = pick(2) ? uniform(0, 1) : -1;
    ctx->nb_classes   = some_size();
    ctx->cell_w       = some_size();
    ctx->cell_h       = some_size();
    ctx->anchors      = anchors;
    ctx->nb_anchor    = pick(FF_ARRAY_ELEMS(anchors) + 1);
    for (int i = 0; i < FF_ARRAY_ELEMS(anchors); i++)
        anchors[i] = uniform(0, 100);

    for (int i = 0; i < nb_outputs; i++)
        make_output(&outputs[i]);
    ctx->dnnctx.backend_type = tf ? DNN_TF : DNN_TH;
    if (tf) { // it tells how many boxes there are
        static const float counts[] = { 0, 1, 2, -3, NAN, 1.5 };
        for (int i = 0; i < nb_outputs; i++) {
            outputs[i].data = realloc(outputs[i].data, 8 * sizeof(float));
            if (!outputs[i].data)
                exit(2);
            for (int k = 0; k < 8; k++)
                ((float *)outputs[i].data)[k] = i ? number() : counts[pick(FF_ARRAY_ELEMS(counts))];
        }
    }

    ret = dnn_detect_post_proc(frame, outputs, nb_outputs, filter_ctx);
    // what failed has no boxes, nor has the next frame those
    ret = ret < 0 ? !!av_frame_get_side_data(frame, AV_FRAME_DATA_DETECTION_BBOXES)
                  : check_frame(frame, seed);
    for (int i = 0; i < nb_outputs; i++)
        free(outputs[i].data);
    ctx->anchors = NULL;
    av_frame_free(&frame);
    return ret;
}

int main(int argc, char **argv)
{
    static char *labels[] = { (char *)"cat", (char *)"dog", (char *)"cat" };
    DnnDetectContext ctx = { .labels = labels, .label_count = FF_ARRAY_ELEMS(labels), .confidence = 0.5,
                             .labels_filename = (char *)"labels", .dnnctx.model_filename = (char *)"model" };
    AVFilterContext filter_ctx = { .priv = &ctx };
    const int first = argc > 2 ? atoi(argv[1]) : 0;
    const int count = argc > 2 ? atoi(argv[2]) : 2000;
    int bad = 0;

    av_log_set_callback(hear);
    av_lfg_init(&lfg, first);
    bad += count_pairs(&filter_ctx);
    for (int seed = first; seed < first + count; seed++) {
        static const float ious[] = { -1, 0, 1e-3, 0.05, 0.2, 0.45, 0.5, 0.51, 0.8, 0.95, 1 };

        av_lfg_init(&lfg, seed);
        bad += compare(&filter_ctx, seed % NB_KINDS, pick(seed % 20 ? 60 : 600), pick(2) ? 1 : 1 + pick(8),
                       ious[pick(FF_ARRAY_ELEMS(ious))]);
        for (int i = 0; i < 10; i++)
            bad += any_tensors(&filter_ctx, seed);
    }
    return bad > 0;
}
