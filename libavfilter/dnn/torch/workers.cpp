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

#include "workers.h"

#include <vector>

#include "infer.h"

extern "C" {
#include "libavutil/cpu.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavfilter/filters.h"
}

namespace fftorch {
namespace {

void worker_start(void *opaque, unsigned worker)
{
    THModel *model = static_cast<THModel *>(opaque);

    // the only effect of a failure is a slower worker
    guarded(model->filter_ctx, model->ctx->model_filename, [&] {
        Network::enter_thread(model->threads);
        return 0;
    });
}

void worker_run(void *opaque, unsigned worker, void *arg)
{
    THModel   *model   = static_cast<THModel *>(opaque);
    THRequest *request = static_cast<THRequest *>(arg);

    run_tasks(*model, model->workers[worker], request->tasks.data(), request->tasks.size());
}

/** @return how many threads are to run the network */
int choose_workers(const THModel &model)
{
    const int wanted = max_workers(model.ctx, model.device);

    if (model.net->has_state())
        return 1;
    return model.net->is_random() && !model.ctx->torch_option.workers ? 1 : wanted;
}

} // namespace

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

void plan_workers(THModel &model)
{
    const int nb_workers = choose_workers(model);

    model.threads = model.filter_ctx->nb_threads > 0 ? model.filter_ctx->nb_threads
                                                     : FFMAX(1, av_cpu_count() / nb_workers);
    for (int i = model.workers.size(); i < nb_workers; i++) {
        model.workers.emplace_back();
        model.workers.back().stream = DeviceStream(model.device);
    }
    model.workers.resize(nb_workers);
}

int start_workers(THModel &model)
{
    DnnContext *ctx = model.ctx;

    if (!model.requests.empty())
        return 0;
    // what the network does may have shown only when it ran on a frame's size
    plan_workers(model);

    const int nb_workers = model.workers.size();
    const int nireq = ctx->nireq ? ctx->nireq : 2 * nb_workers + 2;

    if (model.net->has_state() && max_workers(ctx, model.device) > 1 && ctx->torch_option.workers)
        av_log(model.filter_ctx, AV_LOG_WARNING,
               "%s remembers something from frame to frame: it has one worker, not %d\n",
               ctx->model_filename, ctx->torch_option.workers);
    if (model.net->is_random())
        av_log(model.filter_ctx, AV_LOG_INFO, "%s draws random numbers: %s\n",
               ctx->model_filename, nb_workers == 1
               ? "the same in each run of ffmpeg"
               : "with several workers each run of ffmpeg may give another picture");
    model.requests.resize(ctx->async ? nireq : 1);
    for (THRequest &request : model.requests)
        request.tasks.reserve(ctx->batch_size);

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

} // namespace fftorch
