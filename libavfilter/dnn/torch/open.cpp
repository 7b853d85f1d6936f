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

#include "open.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "backend.h"
#include "probe.h"
#include "workers.h"

extern "C" {
#include "libavutil/cpu.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/opt.h"
#include "libavfilter/filters.h"
#include "options.h"
}

namespace fftorch {
namespace {

/** More than any machine can use; keeps a typo from eating the memory. */
constexpr int max_requests = 1024;
/** Of threads, too: where it cannot start them, OpenMP ends the process. */
constexpr int max_threads = 256;

/** By the option precision. */
constexpr at::ScalarType scalar_types[] = { at::kFloat, at::kHalf, at::kBFloat16 };

/** @return the values of an option, or its default if none is set */
std::vector<double> values_or(const double *values, unsigned nb, double value)
{
    return nb ? std::vector<double>(values, values + nb) : std::vector<double>{ value };
}

/** Tell which options were set though the filter has no use for them. */
void check_use(DnnContext *ctx, DNNFunctionType func_type, void *log_ctx)
{
    static const char *const processing[] = { "pad", "tile", "overlap", "frames", "stack", "range" };
    const auto check = [&](const char *name, const char *hint) {
        if (!av_opt_is_set_to_default_by_name(&ctx->torch_option, name, 0))
            av_log(log_ctx, AV_LOG_WARNING, "%s has no effect in this filter%s\n", name, hint);
    };

    if (func_type == DFT_PROCESS_FRAME)
        check("input_size", ": put the scale filter before it");
    else
        for (const char *name : processing)
            check(name, "");
}

/** Take over and check the options that tell what the network wants. */
void open_options(THModel &model)
{
    const THOptions &options = model.ctx->torch_option;

    model.pixel_options.color = static_cast<Color>(options.color);
    model.pixel_options.range = static_cast<Range>(options.range);
    model.pixel_options.scale = values_or(model.ctx->scale, model.ctx->nb_scale, 255);
    model.pixel_options.mean  = values_or(model.ctx->mean, model.ctx->nb_mean, 0);

    model.tile_options = { options.pad, options.tile_width, options.tile_height, options.overlap };

    if (options.frames > 1 && model.func_type == DFT_PROCESS_FRAME)
        model.window = std::make_unique<Window>(options.frames);
}

/** The values that frames have for the network. */
void set_value_range(const PixelOptions &pixels, NetworkOptions &options)
{
    options.low  = HUGE_VAL;
    options.high = -HUGE_VAL;
    for (size_t c = 0; c < std::max(pixels.scale.size(), pixels.mean.size()); c++)
        for (double sample : { 0., 255. }) {
            const double value = (sample - value_for(pixels.mean, c)) / value_for(pixels.scale, c);
            options.low  = std::min(options.low, value);
            options.high = std::max(options.high, value);
        }
}

/** Find the formats that have the channels the network takes. */
int open_formats(THModel &model)
{
    const Color color = model.pixel_options.color;
    const int64_t channels = net_channels(model);

    model.formats = frame_formats(color, channels);
    if (model.formats.size() > 1) {
        if (cuda::takes_surfaces(model.device))
            model.formats.insert(model.formats.end() - 1, AV_PIX_FMT_CUDA);
        model.pix_fmts = model.formats.data();
        return 0;
    }
    const std::string mismatch =
        channel_mismatch(channels, color == COLOR_Y || channels == 3 ? 1 : 3,
                         color == COLOR_AUTO ? "frames have 1 or" : "with this color frames have");
    av_log(model.filter_ctx, AV_LOG_ERROR, "%s: %s\n", model.ctx->model_filename,
           mismatch.c_str());
    return AVERROR(EINVAL);
}

} // namespace

DNNModel *open_model(DnnContext *ctx, DNNFunctionType func_type, AVFilterContext *filter_ctx)
{
    const THOptions &th_options = ctx->torch_option;
    std::unique_ptr<THModel> model;

    if (func_type == DFT_ANALYTICS_CLASSIFY && !th_options.input_width) {
        av_log(filter_ctx, AV_LOG_ERROR,
               "set input_size=WxH to the size of the pictures that the network classifies\n");
        return NULL;
    }
    if (ctx->nireq > max_requests) {
        av_log(filter_ctx, AV_LOG_ERROR, "nireq=%d is more than %d\n", ctx->nireq, max_requests);
        return NULL;
    }
    if (filter_ctx->nb_threads > max_threads) {
        av_log(filter_ctx, AV_LOG_ERROR, "threads=%d is more than %d\n",
               filter_ctx->nb_threads, max_threads);
        return NULL;
    }

    const int ret = guarded(filter_ctx, ctx->model_filename, [&] {
        NetworkOptions options;

        model = std::make_unique<THModel>();
        model->filter_ctx = filter_ctx;
        model->func_type  = func_type;
        model->get_input  = func_type == DFT_ANALYTICS_DETECT ? get_detect_input : get_input;
        model->get_output = get_output;
        model->ctx        = ctx;
        model->input_width  = th_options.input_width;
        model->input_height = th_options.input_height;

        check_use(ctx, func_type, filter_ctx);
        open_options(*model);
        model->device = open_device(ctx->device ? ctx->device : "cpu", ctx->device_id);
        options.path          = ctx->model_filename;
        options.device        = model->device;
        options.precision     = scalar_types[th_options.precision];
        options.optimize      = th_options.optimize;
        options.memory_format = th_options.memory_format;
        options.keep_memory   = th_options.keep_memory;
        options.nhwc          = ctx->layout == DL_NHWC;
        options.runners       = max_workers(ctx, model->device);
        options.batch_size    = ctx->batch_size;
        options.log_ctx       = filter_ctx;
        set_value_range(model->pixel_options, options);

        model->net = load_network(options);
        plan_workers(*model);
        Network::enter_thread(model->threads);
        model->net->probe(model->window ? th_options.frames : 1, th_options.stack,
                          model->input_height, model->input_width);

        model->task_queue   = ff_queue_create();
        model->lltask_queue = ff_queue_create();
        if (!model->task_queue || !model->lltask_queue)
            throw std::bad_alloc();

        plan_workers(*model);
        if (func_type == DFT_PROCESS_FRAME)
            return open_formats(*model);

        // frames are scaled, so converted, in any case
        model->formats  = frame_formats(COLOR_AUTO, 0);
        model->pix_fmts = model->formats.data();
        return func_type == DFT_ANALYTICS_CLASSIFY ? prepare_analytics(*model) : 0;
    });

    return ret < 0 ? NULL : model.release();
}

} // namespace fftorch
