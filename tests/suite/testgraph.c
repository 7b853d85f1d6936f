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

#include <stdio.h>
#include <string.h>

#include "libavutil/error.h"
#include "libavfilter/buffersink.h"
#include "libavfilter/buffersrc.h"
#include "testgraph.h"

int testgraph_open(TestGraph *graph, const char *filters, int width, int height)
{
    AVFilterInOut *inputs = NULL, *outputs = NULL;
    char args[128];
    int ret;

    *graph = (TestGraph){ .width = width, .height = height };
    snprintf(args, sizeof(args), "video_size=%dx%d:pix_fmt=rgb24:time_base=1/25",
             width, height);

    graph->graph = avfilter_graph_alloc();
    if (!graph->graph)
        return AVERROR(ENOMEM);
    ret = avfilter_graph_create_filter(&graph->source, avfilter_get_by_name("buffer"),
                                       "in", args, NULL, graph->graph);
    if (ret < 0)
        return ret;
    ret = avfilter_graph_create_filter(&graph->sink, avfilter_get_by_name("buffersink"),
                                       "out", NULL, NULL, graph->graph);
    if (ret < 0)
        return ret;

    ret = avfilter_graph_parse2(graph->graph, filters, &inputs, &outputs);
    if (ret >= 0 && (!inputs || inputs->next || !outputs || outputs->next))
        ret = AVERROR(EINVAL);
    if (ret >= 0)
        ret = avfilter_link(graph->source, 0, inputs->filter_ctx, inputs->pad_idx);
    if (ret >= 0)
        ret = avfilter_link(outputs->filter_ctx, outputs->pad_idx, graph->sink, 0);
    avfilter_inout_free(&inputs);
    avfilter_inout_free(&outputs);
    if (ret < 0)
        return ret;
    return avfilter_graph_config(graph->graph, NULL);
}

int testgraph_send(TestGraph *graph, uint8_t gray, uint8_t first)
{
    AVFrame *frame = av_frame_alloc();
    int ret;

    if (!frame)
        return AVERROR(ENOMEM);
    frame->width  = graph->width;
    frame->height = graph->height;
    frame->format = AV_PIX_FMT_RGB24;
    frame->pts    = graph->nb_in;
    ret = av_frame_get_buffer(frame, 0);
    if (ret >= 0) {
        for (int y = 0; y < graph->height; y++)
            memset(frame->data[0] + y * frame->linesize[0], gray, 3 * graph->width);
        memset(frame->data[0], first, 3);
        graph->nb_in++;
        ret = av_buffersrc_add_frame_flags(graph->source, frame, AV_BUFFERSRC_FLAG_PUSH);
    }
    av_frame_free(&frame);
    return ret;
}

void testgraph_end(TestGraph *graph)
{
    av_buffersrc_close(graph->source, graph->nb_in, AV_BUFFERSRC_FLAG_PUSH);
}

int testgraph_receive(TestGraph *graph, AVFrame *frame)
{
    int ret = av_buffersink_get_frame_flags(graph->sink, frame, AV_BUFFERSINK_FLAG_NO_REQUEST);

    if (ret >= 0)
        graph->nb_out++;
    return ret;
}

void testgraph_close(TestGraph *graph)
{
    avfilter_graph_free(&graph->graph);
}
