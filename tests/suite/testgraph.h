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
 * A graph of libavfilter around the filters that a test is about: frames go in
 * at one end and come out at the other, both in the hands of the test.
 */

#ifndef TESTS_DNN_TESTGRAPH_H
#define TESTS_DNN_TESTGRAPH_H

#include "libavutil/frame.h"
#include "libavfilter/avfilter.h"

typedef struct TestGraph {
    AVFilterGraph   *graph;
    AVFilterContext *source;
    AVFilterContext *sink;
    int              width;   ///< of the frames sent, rgb24
    int              height;
    int              nb_in;   ///< frames sent, their pts is their number from 0
    int              nb_out;  ///< frames received
} TestGraph;

/**
 * Make and configure a graph.
 *
 * @param filters a chain as users write it
 * @return 0 or an AVERROR code; to be closed in either case
 */
int testgraph_open(TestGraph *graph, const char *filters, int width, int height);

/**
 * Send a frame of one colour.
 *
 * @param gray  value of all its samples
 * @param first value of those of the first pixel
 * @return 0 or an AVERROR code, of the filters if they take no more
 */
int testgraph_send(TestGraph *graph, uint8_t gray, uint8_t first);

/** No more frames will be sent. */
void testgraph_end(TestGraph *graph);

/**
 * Receive a frame, without waiting for one.
 *
 * @return 0 or an AVERROR code: EAGAIN before the end, EOF at its end, or what
 *         the filters failed with
 */
int testgraph_receive(TestGraph *graph, AVFrame *frame);

void testgraph_close(TestGraph *graph);

#endif /* TESTS_DNN_TESTGRAPH_H */
