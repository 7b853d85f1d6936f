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

#include "probe.h"

#include <cinttypes>
#include <climits>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "io_staged.h"
#include "workers.h"

extern "C" {
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/pixdesc.h"
#include "libavfilter/filters.h"
}

namespace fftorch {
namespace {

int64_t align(int64_t size, int64_t multiple) { return (size + multiple - 1) / multiple * multiple; }

/** @return a multiple that width and height of the input must be of, 0: there is none */
int find_multiple(THModel &model, int64_t channels, int width, int height)
{
    // those of networks that halve the size some times, then windows and patches
    for (int multiple : { 2, 4, 8, 16, 32, 64, 12, 24, 48, 6, 3, 10, 20, 40, 5, 14, 28, 56, 7, 128 })
        if ((width % multiple || height % multiple) &&
            model.net->accepts(channels, align(height, multiple), align(width, multiple)))
            return multiple;
    return 0;
}

/** Why a trial run failed, with a way out if there is one. */
std::string trial_failure(THModel &model, AVPixelFormat format, int width, int height,
                          const std::string &reason)
{
    const int64_t wanted = net_channels(model);
    const int64_t channels = model.workers[0].io->channels();
    const std::string whose = std::string(av_get_pix_fmt_name(format)) + " frames have";
    int multiple = 0;

    if (model.tile_options.multiple == 1 && !model.tile_options.width)
        multiple = find_multiple(model, nb_window_frames(model) * channels, width, height);
    if (multiple)
        return reason + "; it needs a multiple of " + std::to_string(multiple) +
               " as width and height: add pad=" + std::to_string(multiple);
    return wanted && wanted != channels ? channel_mismatch(wanted, channels, whose) : reason;
}

/** @return what converts frames on the device in one step, if it can be had */
std::unique_ptr<SurfaceKernels> open_kernels(THModel &model, const DeviceStream &stream)
{
    if (!cuda::takes_surfaces(model.device))
        return nullptr;
    try {
        return cuda::open_kernels(model.device, stream);
    } catch (const std::exception &e) {
        av_log(model.filter_ctx, AV_LOG_VERBOSE,
               "LibTorch's operators convert the frames, which is slower: %s\n", e.what());
        return nullptr;
    }
}

/** Find the way for the frames that are to come. */
void open_io(THModel &model)
{
    AVFilterLink *inlink = model.filter_ctx->inputs[0];
    const AVPixelFormat format = static_cast<AVPixelFormat>(inlink->format);

    for (THWorker &worker : model.workers) {
        worker.recording.reset();
        worker.input.reset();
        if (format == AV_PIX_FMT_CUDA)
            worker.io = cuda::open_surfaces(ff_filter_link(inlink)->hw_frames_ctx,
                                              model.pixel_options, net_channels(model),
                                              model.device, worker.stream);
        else if (model.device.is_cpu())
            worker.io = std::make_unique<HostIO>(format, model.pixel_options);
        else
            worker.io = std::make_unique<StagedIO>(
                format, model.pixel_options, model.device, worker.stream,
                [&] { return open_kernels(model, worker.stream); });
    }
}

/** What belongs to number i of a batch of n. */
std::vector<at::Tensor> pick_picture(const std::vector<at::Tensor> &outputs, int64_t n, int64_t i)
{
    if (outputs.size() != 1 || !outputs[0].dim() || outputs[0].size(0) != n)
        throw std::runtime_error("it returned other shapes");
    return { outputs[0][i] };
}

/** If asked for, record a run of a full batch [N, C, H, W] for each worker. */
void record_runs(THModel &model, int64_t channels, int64_t height, int64_t width)
{
    if (!model.ctx->torch_option.cuda_graph)
        return;
    try {
        if (!model.device.is_cuda())
            throw std::invalid_argument("they are for device=cuda");
        if (!model.net->can_be_recorded())
            throw std::invalid_argument(
                model.net->has_state() ? "the network remembers something from frame to frame" :
                model.net->is_random() ? "the network draws random numbers"
                                       : "packages of AOTInductor cannot be recorded");
        for (THWorker &worker : model.workers) {
            const DeviceStream::Use use(worker.stream);
            worker.recording = cuda::record(
                model.net->make_input(model.ctx->batch_size, channels, height, width,
                                      model.device).zero_(),
                [&](const at::Tensor &input) { return model.net->forward(input); });
        }
        av_log(model.filter_ctx, AV_LOG_VERBOSE, "%s runs as a CUDA graph\n",
               model.ctx->model_filename);
    } catch (...) {
        const Failure failure = describe_exception();
        for (THWorker &worker : model.workers) {
            worker.recording.reset();
            worker.stream = DeviceStream(model.device);
        }
        av_log(model.filter_ctx, AV_LOG_WARNING, "%s: no CUDA graphs, %s\n",
               model.ctx->model_filename, failure.reason.c_str());
    }
}

} // namespace

int64_t net_channels(const THModel &model)
{
    const int64_t channels = model.net->channels();
    const int     frames   = nb_window_frames(model);

    return channels % frames ? 0 : channels / frames;
}

std::string channel_mismatch(int64_t net, int64_t available, const std::string &whose)
{
    std::string text = "the network takes " + std::to_string(net) +
                       (net == 1 ? " channel, " : " channels, ") + whose + " " +
                       std::to_string(available);
    if (net == 1)
        text += ": add format=gray before it or choose color=y";
    else if (net == 3)
        text += ": add format=rgb24 before it or choose color=rgb";
    else if (net % 3 == 0)
        text += ": if it sees " + std::to_string(net / 3) + " frames at a time, add frames=" +
                std::to_string(net / 3);
    return text;
}

int get_input(DNNModel *model, DNNData *input, const char *input_name)
{
    input->dt      = DNN_FLOAT;
    input->order   = DCO_RGB;
    input->layout  = DL_NCHW;
    input->dims[0] = 1;
    input->dims[1] = -1; // get_output() tells whether the frame's will do
    input->dims[2] = -1;
    input->dims[3] = -1;
    return 0;
}

int get_output(DNNModel *arg, const char *input_name, int input_width, int input_height,
               const char *output_name, int *output_width, int *output_height)
{
    THModel &model = *th_model(arg);
    const AVFilterContext *filter = model.filter_ctx;
    const AVPixelFormat format = static_cast<AVPixelFormat>(filter->inputs[0]->format);

    return guarded(model.filter_ctx, model.ctx->model_filename, [&] {
        const Tiling tiling(input_width, input_height, model.tile_options);
        at::Tensor output;

        open_io(model);
        const int64_t channels = model.workers[0].io->channels();
        Network::enter_thread(model.threads);
        try {
            for (int i = 0; i < model.ctx->torch_option.warmup; i++)
                output = model.net->prepare(nb_window_frames(model) * channels,
                                            tiling.tile_height, tiling.tile_width);
            model.net->prove_batches(nb_window_frames(model) * channels,
                                     tiling.tile_height, tiling.tile_width, pick_picture);
        } catch (...) {
            const Failure failure = describe_exception();
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: a trial run on a %s frame of %dx%d failed: %s\n",
                   model.ctx->model_filename, av_get_pix_fmt_name(format),
                   input_width, input_height,
                   trial_failure(model, format, input_width, input_height, failure.reason).c_str());
            return failure.code;
        }

        if (!output.numel()) {
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: the network returns a picture of %" PRId64 "x%" PRId64
                   " for one of %dx%d\n", model.ctx->model_filename,
                   output.size(3), output.size(2), input_width, input_height);
            return AVERROR(EINVAL);
        }
        if (output.size(1) != channels) {
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: the network returns %" PRId64 " channel%s, %s frames have %" PRId64
                   ": it has to return as many%s\n",
                   model.ctx->model_filename, output.size(1), output.size(1) == 1 ? "" : "s",
                   av_get_pix_fmt_name(format), channels,
                   output.size(1) == 1 ? ", such as net(x).expand(-1, 3, -1, -1)" : "");
            return AVERROR(EINVAL);
        }
        av_log(model.filter_ctx, AV_LOG_VERBOSE, "%s runs %s\n",
               model.ctx->model_filename, model.net->description().c_str());

        const int64_t width  = tiling.output_width(output.size(3));
        const int64_t height = tiling.output_height(output.size(2));
        if (width > INT_MAX || height > INT_MAX) {
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: the network returns a picture of %" PRId64 "x%" PRId64
                   ", which is too large\n", model.ctx->model_filename, width, height);
            return AVERROR(EINVAL);
        }
        record_runs(model, nb_window_frames(model) * channels,
                    tiling.tile_height, tiling.tile_width);
        *output_width  = width;
        *output_height = height;
        return start_workers(model);
    });
}

int prepare_analytics(THModel &model)
{
    const int width = model.input_width, height = model.input_height;

    return guarded(model.filter_ctx, model.ctx->model_filename, [&] {
        const char *hint = model.ctx->torch_option.input_width
            ? "" : " (input_size=WxH sets the size that the network takes)";

        model.map = FrameMap(analytics_format(model), model.pixel_options);
        if (!model.map.channels()) {
            av_log(model.filter_ctx, AV_LOG_ERROR, "color=yuv is for dnn_processing\n");
            return AVERROR(EINVAL);
        }
        Network::enter_thread(model.threads);
        try {
            const std::vector<at::Tensor> outputs =
                model.net->prepare_all(model.map.channels(), height, width);
            hint = "";
            const auto pick = [&](const std::vector<at::Tensor> &all, int64_t n, int64_t i) {
                return analytics_outputs(model, all, n, i);
            };
            pick(outputs, 1, 0);
            model.net->prove_batches(model.map.channels(), height, width, pick);
        } catch (...) {
            const Failure failure = describe_exception();
            av_log(model.filter_ctx, AV_LOG_ERROR, "%s: a trial run on %dx%d failed: %s%s\n",
                   model.ctx->model_filename, width, height, failure.reason.c_str(), hint);
            return failure.code;
        }
        av_log(model.filter_ctx, AV_LOG_VERBOSE, "%s runs %s\n",
               model.ctx->model_filename, model.net->description().c_str());
        return start_workers(model);
    });
}

int get_detect_input(DNNModel *arg, DNNData *input, const char *input_name)
{
    THModel &model = *th_model(arg);
    const AVFilterLink *inlink = model.filter_ctx->inputs[0];

    if (!model.input_width) {
        model.input_width  = inlink->w;
        model.input_height = inlink->h;
    }
    input->dt      = DNN_FLOAT;
    input->order   = DCO_RGB;
    input->layout  = DL_NCHW;
    input->dims[0] = 1;
    input->dims[1] = analytics_format(model) == AV_PIX_FMT_GRAY8 ? 1 : 3;
    input->dims[2] = model.input_height;
    input->dims[3] = model.input_width;
    return prepare_analytics(model);
}

} // namespace fftorch
