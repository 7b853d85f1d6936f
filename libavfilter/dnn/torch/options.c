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

#include <stddef.h>

#include "config.h"
#include "options.h"
#include "libavfilter/dnn_interface.h"

#define OFFSET(x) offsetof(THOptions, x)
#define FLAGS AV_OPT_FLAG_FILTERING_PARAM
const AVOption ff_dnn_torch_options[] = {
    { "workers",       "threads that run the network, each on a batch of its own",
      OFFSET(workers), AV_OPT_TYPE_INT, { .i64 = 0 }, 0, 64, FLAGS },
    { "optimize",      "graph optimization applied before inference",
      OFFSET(optimize), AV_OPT_TYPE_INT, { .i64 = OPTION_AUTO }, OPTION_AUTO, OPTIMIZE_FUSE, FLAGS, "optimize" },
        { "auto",      "the fastest that gives the same picture, found by trying",
          0, AV_OPT_TYPE_CONST, { .i64 = OPTION_AUTO }, 0, 0, FLAGS, "optimize" },
        { "none",      "as it is in the file",
          0, AV_OPT_TYPE_CONST, { .i64 = OPTIMIZE_NONE }, 0, 0, FLAGS, "optimize" },
        { "freeze",    "weights and batch norms folded into the graph",
          0, AV_OPT_TYPE_CONST, { .i64 = OPTIMIZE_FREEZE }, 0, 0, FLAGS, "optimize" },
        { "inference", "frozen, convolutions prepared for the device",
          0, AV_OPT_TYPE_CONST, { .i64 = OPTIMIZE_INFERENCE }, 0, 0, FLAGS, "optimize" },
        { "fuse",      "frozen, activations computed within convolutions",
          0, AV_OPT_TYPE_CONST, { .i64 = OPTIMIZE_FUSE }, 0, 0, FLAGS, "optimize" },
    { "memory_format", "layout of the tensors",
      OFFSET(memory_format), AV_OPT_TYPE_INT, { .i64 = OPTION_AUTO },
      OPTION_AUTO, LAYOUT_CHANNELS_LAST, FLAGS, "memory_format" },
        { "auto",          "the fastest, found by trying",
          0, AV_OPT_TYPE_CONST, { .i64 = OPTION_AUTO }, 0, 0, FLAGS, "memory_format" },
        { "contiguous",    "a plane for each channel",
          0, AV_OPT_TYPE_CONST, { .i64 = LAYOUT_CONTIGUOUS }, 0, 0, FLAGS, "memory_format" },
        { "channels_last", "the channels of a pixel side by side",
          0, AV_OPT_TYPE_CONST, { .i64 = LAYOUT_CHANNELS_LAST }, 0, 0, FLAGS, "memory_format" },
    { "precision",     "number format of weights and activations",
      OFFSET(precision), AV_OPT_TYPE_INT, { .i64 = PRECISION_FP32 },
      PRECISION_FP32, PRECISION_BF16, FLAGS, "precision" },
        { "fp32", "32-bit float", 0, AV_OPT_TYPE_CONST, { .i64 = PRECISION_FP32 }, 0, 0, FLAGS, "precision" },
        { "fp16", "16-bit float", 0, AV_OPT_TYPE_CONST, { .i64 = PRECISION_FP16 }, 0, 0, FLAGS, "precision" },
        { "bf16", "bfloat16",     0, AV_OPT_TYPE_CONST, { .i64 = PRECISION_BF16 }, 0, 0, FLAGS, "precision" },
    { "input_size",    "size that frames, or boxes in them, are scaled to for the network",
      OFFSET(input_width), AV_OPT_TYPE_IMAGE_SIZE, { .str = NULL }, 0, 0, FLAGS },
    { "cuda_graph",    "have a CUDA device run the network as a graph",
      OFFSET(cuda_graph), AV_OPT_TYPE_BOOL, { .i64 = 0 }, 0, 1, FLAGS },
    { "keep_memory",   "keep the memory of a run for the next one",
      OFFSET(keep_memory), AV_OPT_TYPE_BOOL, { .i64 = 1 }, 0, 1, FLAGS },
    { "warmup",        "runs before the first frame",
      OFFSET(warmup), AV_OPT_TYPE_INT, { .i64 = 1 }, 1, 100, FLAGS },
    { "batch_timeout", "how long a frame waits at most for its batch to be complete",
      OFFSET(batch_timeout), AV_OPT_TYPE_DURATION, { .i64 = 1000000 }, 0, 3600e6, FLAGS },
    { "color",         "channels that go through the network",
      OFFSET(color), AV_OPT_TYPE_INT, { .i64 = COLOR_AUTO },
      COLOR_AUTO, COLOR_YUV, FLAGS, "color" },
        { "auto", "what the network takes, by preference rgb and y",
          0, AV_OPT_TYPE_CONST, { .i64 = COLOR_AUTO }, 0, 0, FLAGS, "color" },
        { "rgb",  "red, green, blue",
          0, AV_OPT_TYPE_CONST, { .i64 = COLOR_RGB }, 0, 0, FLAGS, "color" },
        { "bgr",  "blue, green, red",
          0, AV_OPT_TYPE_CONST, { .i64 = COLOR_BGR }, 0, 0, FLAGS, "color" },
        { "y",    "luma alone",
          0, AV_OPT_TYPE_CONST, { .i64 = COLOR_Y }, 0, 0, FLAGS, "color" },
        { "gray", "the same as y",
          0, AV_OPT_TYPE_CONST, { .i64 = COLOR_Y }, 0, 0, FLAGS, "color" },
        { "yuv",  "luma and chroma of the same size",
          0, AV_OPT_TYPE_CONST, { .i64 = COLOR_YUV }, 0, 0, FLAGS, "color" },
    { "range",         "values for black and white in the output",
      OFFSET(range), AV_OPT_TYPE_INT, { .i64 = RANGE_INPUT },
      RANGE_INPUT, RANGE_SIGNED, FLAGS, "range" },
        { "input",  "those of the input",
          0, AV_OPT_TYPE_CONST, { .i64 = RANGE_INPUT }, 0, 0, FLAGS, "range" },
        { "unit",   "0 and 1",
          0, AV_OPT_TYPE_CONST, { .i64 = RANGE_UNIT }, 0, 0, FLAGS, "range" },
        { "byte",   "0 and 255",
          0, AV_OPT_TYPE_CONST, { .i64 = RANGE_BYTE }, 0, 0, FLAGS, "range" },
        { "signed", "-1 and 1",
          0, AV_OPT_TYPE_CONST, { .i64 = RANGE_SIGNED }, 0, 0, FLAGS, "range" },
    { "pad",           "pad the input to a multiple of this size, and crop the output",
      OFFSET(pad), AV_OPT_TYPE_INT, { .i64 = 1 }, 1, 1024, FLAGS },
    { "tile",          "size of the parts that frames are cut into",
      OFFSET(tile_width), AV_OPT_TYPE_IMAGE_SIZE, { .str = NULL }, 0, 0, FLAGS },
    { "overlap",       "pixels that a tile has in common with each neighbour, for context",
      OFFSET(overlap), AV_OPT_TYPE_INT, { .i64 = 16 }, 0, 4096, FLAGS },
    { "frames",        "consecutive frames that the network sees at a time",
      OFFSET(frames), AV_OPT_TYPE_INT, { .i64 = 1 }, 1, 64, FLAGS },
    { "stack",         "how the frames that the network sees at a time are stacked",
      OFFSET(stack), AV_OPT_TYPE_INT, { .i64 = STACK_AUTO }, STACK_AUTO, STACK_TIME, FLAGS, "stack" },
        { "auto",     "as the network takes them",
          0, AV_OPT_TYPE_CONST, { .i64 = STACK_AUTO }, 0, 0, FLAGS, "stack" },
        { "channels", "as channels of one picture",
          0, AV_OPT_TYPE_CONST, { .i64 = STACK_CHANNELS }, 0, 0, FLAGS, "stack" },
        { "time",     "along a dimension of their own: [N, T, C, H, W]",
          0, AV_OPT_TYPE_CONST, { .i64 = STACK_TIME }, 0, 0, FLAGS, "stack" },
    { "latency",       "tell in the metadata of a frame how many seconds it took",
      OFFSET(latency), AV_OPT_TYPE_BOOL, { .i64 = 0 }, 0, 1, FLAGS },
    { "on_error",      "what to do about a frame that the network fails on",
      OFFSET(on_error), AV_OPT_TYPE_INT, { .i64 = ON_ERROR_STOP },
      ON_ERROR_STOP, ON_ERROR_DROP, FLAGS, "on_error" },
        { "error", "end with an error",       0, AV_OPT_TYPE_CONST, { .i64 = ON_ERROR_STOP }, 0, 0, FLAGS, "on_error" },
        { "pass",  "output it as it came in", 0, AV_OPT_TYPE_CONST, { .i64 = ON_ERROR_PASS }, 0, 0, FLAGS, "on_error" },
        { "drop",  "go on without it",        0, AV_OPT_TYPE_CONST, { .i64 = ON_ERROR_DROP }, 0, 0, FLAGS, "on_error" },
    { NULL }
};
