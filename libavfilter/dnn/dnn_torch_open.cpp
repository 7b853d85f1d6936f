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

#include "dnn_torch_open.h"

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "dnn_torch_infer.h"
#include "dnn_torch_state.h"
#include "dnn_torch_trial.h"

extern "C" {
#include "libavutil/cpu.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavfilter/filters.h"
#include "dnn_torch_options.h"
}

namespace fftorch {
namespace {

/** More than any machine can use; keeps a typo from eating the memory. */
constexpr int max_requests = 1024;
/** Of threads, too: where it cannot start them, OpenMP ends the process. */
constexpr int max_threads = 256;

/** By the option precision. */
constexpr at::ScalarType scalar_types[] = { at::kFloat, at::kHalf, at::kBFloat16 };

/** Take over and check the options that tell what the network wants. */
void open_options(THModel &model)
{
    const THOptions &options = model.ctx->torch_option;

    model.pixel_options.color = static_cast<Color>(options.color);
    model.pixel_options.range = static_cast<Range>(options.range);
    model.pixel_options.scale.assign(options.scale, options.scale + options.nb_scale);
    model.pixel_options.mean.assign(options.mean, options.mean + options.nb_mean);

    model.tile_options = { options.pad, options.tile_width, options.tile_height, options.overlap };

    if (options.frames > 1 && model.func_type == DFT_PROCESS_FRAME)
        model.window = std::make_unique<Window>(options.frames);
}

/** How the frames of a window are stacked, for a network with so many input channels. */
Stack choose_stack(const THOptions &options, int64_t channels)
{
    if (options.stack != STACK_AUTO)
        return static_cast<Stack>(options.stack);
    return channels && channels % options.frames ? STACK_TIME : STACK_CHANNELS;
}

/** Find the formats that have the channels the network takes. */
int open_formats(THModel &model)
{
    const Color color = model.pixel_options.color;
    int64_t channels = net_channels(model);

    // some networks take any number, of others it shows only when they run
    if (!channels && !model.window) {
        Model::enter_thread(model.threads);
        const bool three = model.net->accepts(3, 64, 64);
        if (three != model.net->accepts(1, 64, 64))
            channels = three ? 3 : 1;
    }
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

void worker_start(void *opaque, unsigned worker)
{
    THModel *model = static_cast<THModel *>(opaque);

    // the only effect of a failure is a slower worker
    guarded(model->filter_ctx, model->ctx->model_filename, [&] {
        Model::enter_thread(model->threads);
        return 0;
    });
}

void worker_run(void *opaque, unsigned worker, void *arg)
{
    THModel   *model   = static_cast<THModel *>(opaque);
    THRequest *request = static_cast<THRequest *>(arg);

    run_tasks(*model, model->workers[worker], request->tasks.data(), request->tasks.size());
}

/** @return how many threads may run a network */
int max_workers(const DnnContext *ctx, c10::Device device)
{
    if (!ctx->async)
        return 1;
    // one copies its frames to the device, one is computed, one copied back
    if (!ctx->torch_option.workers && !device.is_cpu())
        return 3;
    // Runs side by side share the cores better than the threads of one run,
    // which wait for each other; but each needs memory.
    return ctx->torch_option.workers ? ctx->torch_option.workers : FFMIN(av_cpu_count(), 4);
}

/** @return how many threads are to run the network */
int choose_workers(const THModel &model)
{
    const int wanted = max_workers(model.ctx, model.device);

    if (!model.ctx->torch_option.workers && model.net->has_memory())
        return 1;
    if (wanted > 1 && model.net->has_memory())
        av_log(model.filter_ctx, AV_LOG_WARNING,
               "%s may remember something from frame to frame: with workers=%d "
               "frames reach it out of order\n", model.ctx->model_filename, wanted);
    return wanted;
}

/** Start the threads, or prepare for the filter thread to do their work. */
int open_workers(THModel &model)
{
    DnnContext *ctx        = model.ctx;
    const int   nb_workers = choose_workers(model);
    const int   nireq      = ctx->nireq ? ctx->nireq : 2 * nb_workers + 2;

    model.threads = model.filter_ctx->nb_threads > 0 ? model.filter_ctx->nb_threads
                                                     : FFMAX(1, av_cpu_count() / nb_workers);
    model.workers.resize(nb_workers);
    for (THWorker &worker : model.workers)
        worker.stream = DeviceStream(model.device);
    model.requests.resize(ctx->async ? nireq : 1);
    for (THRequest &request : model.requests)
        request.tasks.reserve(ctx->torch_option.batch_size);

    if (!ctx->async)
        return 0;

    std::vector<void *> requests;
    for (THRequest &request : model.requests)
        requests.push_back(&request);

    DNNWorkerPoolParams params = {};
    params.nb_workers  = nb_workers;
    params.nb_requests = nireq;
    params.requests    = requests.data();
    params.opaque      = &model;
    params.start       = worker_start;
    params.run         = worker_run;

    const int ret = ff_dnn_worker_pool_alloc(&model.pool, &params);
    if (ret == AVERROR(ENOSYS)) {
        av_log(model.filter_ctx, AV_LOG_WARNING,
               "FFmpeg was built without threads, running with async=0\n");
        return 0;
    }
    if (ret < 0) {
        char error[AV_ERROR_MAX_STRING_SIZE];

        av_log(model.filter_ctx, AV_LOG_ERROR, "cannot start %d worker threads: %s\n",
               nb_workers, av_make_error_string(error, sizeof(error), ret));
    }
    return ret;
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
        ModelOptions options;

        model = std::make_unique<THModel>();
        model->filter_ctx = filter_ctx;
        model->func_type  = func_type;
        model->get_input  = func_type == DFT_ANALYTICS_DETECT ? get_detect_input : get_input;
        model->get_output = get_output;
        model->ctx        = ctx;
        model->input_width  = th_options.input_width;
        model->input_height = th_options.input_height;

        open_options(*model);
        model->device = open_device(ctx->device ? ctx->device : "cpu", ctx->device_id);
        options.path          = ctx->model_filename;
        options.device        = model->device;
        options.precision     = scalar_types[th_options.precision];
        options.optimize      = th_options.optimize;
        options.memory_format = th_options.memory_format;
        options.keep_memory   = th_options.keep_memory;
        options.nhwc          = th_options.layout == DL_NHWC;
        options.runners       = max_workers(ctx, model->device);
        options.batch_size    = th_options.batch_size;

        model->net   = load_model(options);
        model->stack = choose_stack(th_options, model->net->channels());
        if (model->window && model->stack == STACK_TIME)
            model->net->set_window(th_options.frames);

        model->task_queue   = ff_queue_create();
        model->lltask_queue = ff_queue_create();
        if (!model->task_queue || !model->lltask_queue)
            throw std::bad_alloc();

        const int ret = open_workers(*model);
        if (ret < 0)
            return ret;
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
