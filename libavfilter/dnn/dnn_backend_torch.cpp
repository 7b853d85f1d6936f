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
 * DNN backend for LibTorch: the callbacks for frames, which run in the filter
 * thread. open.cpp opens a model, infer.cpp is what the
 * workers do, backend.h tells what tasks and queues there are.
 */

#include <chrono>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "torch/infer.h"
#include "torch/open.h"
#include "torch/backend.h"

extern "C" {
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/timestamp.h"
#include "torch/options.h"
}

namespace {

using fftorch::guarded;
using fftorch::th_model;
using fftorch::th_task;
using fftorch::Stats;
using fftorch::THModel;
using fftorch::THRequest;
using fftorch::THTask;

/** So many failed frames get a line each, the others are only counted. */
constexpr int64_t max_failure_lines = 5;

/** Send off the tasks whose turn it is, up to a batch of them. */
int dispatch(THModel &model)
{
    const size_t batch_size = model.ctx->batch_size;
    THRequest *request = model.pool
        ? static_cast<THRequest *>(ff_dnn_worker_pool_acquire(model.pool))
        : &model.requests[0];

    if (!request)
        return AVERROR_BUG;

    request->tasks.clear();
    while (ff_queue_size(model.lltask_queue) && request->tasks.size() < batch_size)
        request->tasks.push_back(th_task(static_cast<LastLevelTaskItem *>(
            ff_queue_pop_front(model.lltask_queue))));

    if (model.pool) {
        model.stats.submitted(ff_dnn_worker_pool_in_flight(model.pool) - 1);
        return ff_dnn_worker_pool_submit(model.pool, request);
    }

    fftorch::Network::enter_thread(model.threads);
    fftorch::run_tasks(model, model.workers[0], request->tasks.data(), request->tasks.size());
    return 0;
}

/** Find what of a frame the network is to see, for detection and classification. */
void find_areas(const THModel &model, THTask &task, const DNNExecBaseParams *exec_params)
{
    const AVFrame &frame = *task.in_frame;

    if (model.func_type != DFT_ANALYTICS_CLASSIFY) {
        task.area = { 0, 0, frame.width, frame.height };
        return;
    }
    const auto *params = reinterpret_cast<const DNNExecClassificationParams *>(exec_params);
    std::vector<std::unique_ptr<THTask>> boxes;
    for (const fftorch::Box &found : fftorch::boxes_to_classify(frame, params->target)) {
        boxes.push_back(std::make_unique<THTask>());
        boxes.back()->area = found.area;
        boxes.back()->lltask.bbox_index = found.index;
    }
    // nothing fails from here on: the task has all of its boxes or none, which
    // nobody would run
    for (const std::unique_ptr<THTask> &box : boxes)
        box->in_frame = task.in_frame;
    task.boxes = std::move(boxes);
    task.done  = true; // but for its boxes
}

/**
 * Queue the boxes of a frame, and send off what waits in batches. Boxes wait
 * for those of the next frames, but not for more than a batch of frames, which
 * may have none.
 */
int submit_boxes(THModel &model, THTask &task)
{
    const size_t batch_size = model.ctx->batch_size;

    if (!ff_queue_size(model.lltask_queue))
        model.nb_waiting = 0;
    for (const std::unique_ptr<THTask> &box : task.boxes)
        if (ff_queue_push_back(model.lltask_queue, &box->lltask) < 0)
            box->fail({ AVERROR(ENOMEM), "out of memory" });

    if (ff_queue_size(model.lltask_queue))
        model.nb_waiting++;
    while (ff_queue_size(model.lltask_queue) >= batch_size ||
           static_cast<size_t>(model.nb_waiting) >= batch_size) {
        const int ret = dispatch(model);
        if (ret < 0)
            return ret;
        model.nb_waiting = ff_queue_size(model.lltask_queue) ? 1 : 0;
    }
    return 0;
}

/** A task's window is complete: let it wait for its batch, and send that off. */
int enqueue(THModel &model, THTask *task)
{
    if (ff_queue_push_back(model.lltask_queue, &task->lltask) < 0)
        throw std::bad_alloc();
    if (ff_queue_size(model.lltask_queue) < static_cast<size_t>(model.ctx->batch_size))
        return 0;
    return dispatch(model);
}

/** Complete the window of the oldest task that waits for frames. */
int enqueue_incomplete(THModel &model)
{
    THTask *task = model.incomplete.front();

    model.incomplete.pop_front();
    model.window->take(task->window);
    try {
        return enqueue(model, task);
    } catch (...) {
        task->fail(fftorch::describe_exception());
        return 0;
    }
}

int execute_model_th(const DNNModel *arg, DNNExecBaseParams *exec_params)
{
    THModel &model = *th_model(arg);
    // the frames are ours now, whatever happens
    fftorch::OwnedFrame in(exec_params->in_frame), out(exec_params->out_frame);

    return guarded(model.filter_ctx, model.ctx->model_filename, [&] {
        int ret = ff_check_exec_params(model.ctx, DNN_TH, model.func_type, exec_params);
        if (ret < 0)
            return ret;

        auto owner = std::make_unique<THTask>(model.window ? model.window->length() : 0);
        THTask *task = owner.get();
        ff_dnn_fill_task(task, exec_params, &model, model.pool != NULL, 1);
        in.release();
        out.release();
        task->number = ++model.nb_frames;

        if (ff_queue_push_back(model.task_queue, task) < 0)
            throw std::bad_alloc();
        owner.release();

        // from here on what goes wrong is the result of this task, in its turn
        try {
            if (model.func_type != DFT_PROCESS_FRAME)
                find_areas(model, *task, exec_params);
            if (model.func_type == DFT_ANALYTICS_CLASSIFY)
                return submit_boxes(model, *task);
            if (!model.window)
                return enqueue(model, task);
            model.incomplete.push_back(task);
            model.window->push(fftorch::share_frame(task->in_frame));
        } catch (...) {
            if (!model.incomplete.empty() && model.incomplete.back() == task)
                model.incomplete.pop_back();
            task->fail(fftorch::describe_exception());
            return 0;
        }
        while (ret >= 0 && model.window->ready())
            ret = enqueue_incomplete(model);
        return ret;
    });
}

/**
 * Boxes wait for frames and never by time, see submit_boxes().
 *
 * @return whether a frame has waited too long for its batch to be complete
 */
bool overdue(const THModel &model)
{
    if (model.func_type == DFT_ANALYTICS_CLASSIFY)
        return false;

    const LastLevelTaskItem *front = static_cast<LastLevelTaskItem *>(
        ff_queue_peek_front(model.lltask_queue));
    const std::chrono::microseconds limit(model.ctx->torch_option.batch_timeout);

    return front && Stats::Clock::now() - th_task(front)->came > limit;
}

/** @return whether a task and its boxes are done */
bool is_done(const THTask &task)
{
    for (const std::unique_ptr<THTask> &box : task.boxes)
        if (!is_done(*box))
            return false;
    return task.done.load(std::memory_order_acquire);
}

/**
 * Let the filter make side data of the outputs. For the filter thread, since
 * the filter uses its own state. What fails is set as the task's failure.
 */
void interpret(THModel &model, THTask &task) noexcept
{
    // a frame that fails gets no class at all
    for (const std::unique_ptr<THTask> &box : task.boxes) {
        if (box->failure.code) {
            task.failure = std::move(box->failure);
            return;
        }
    }
    for (const std::unique_ptr<THTask> &box : task.boxes) {
        interpret(model, *box);
        if (box->failure.code) {
            task.failure = std::move(box->failure);
            return;
        }
    }
    if (task.outputs.empty())
        return; // it had boxes in its place, or none

    try {
        std::vector<DNNData> data = fftorch::to_dnn_data(task.outputs);
        const int ret = model.func_type == DFT_ANALYTICS_DETECT
            ? model.detect_post_proc(task.in_frame, data.data(), data.size(), model.filter_ctx)
            : model.classify_post_proc(task.in_frame, data.data(), task.lltask.bbox_index,
                                       model.filter_ctx);
        if (ret < 0)
            task.failure = { ret, "the filter cannot use what the network returned, " +
                                  fftorch::describe_shapes(task.outputs) };
    } catch (...) {
        task.failure = fftorch::describe_exception();
    }
}

/**
 * Give a frame that failed the picture that it came in with.
 *
 * The data is copied, once in a while: the filter writes to the output's chroma,
 * and others may hold the input.
 *
 * @return 0, or an AVERROR code after a line that says why it cannot be
 */
int pass_through(const THModel &model, const THTask &task)
{
    if (!task.out_frame)
        return 0; // detection and classification: the input is the output

    const AVFrame &in = *task.in_frame, &out = *task.out_frame;
    if (in.width != out.width || in.height != out.height || in.format != out.format) {
        av_log(model.filter_ctx, AV_LOG_ERROR,
               "%s: on_error=pass cannot make an output of %dx%d from an input of %dx%d: "
               "use drop\n",
               model.ctx->model_filename, out.width, out.height, in.width, in.height);
        return AVERROR(EINVAL);
    }

    const int ret = av_frame_copy(task.out_frame, task.in_frame);
    if (ret < 0)
        av_log(model.filter_ctx, AV_LOG_ERROR, "%s: cannot copy the input to the output\n",
               model.ctx->model_filename);
    return ret;
}

void report_failure(const THModel &model, const THTask &task)
{
    const bool goes_on = model.ctx->torch_option.on_error != fftorch::ON_ERROR_STOP;
    char pts[AV_TS_MAX_STRING_SIZE];

    if (model.nb_failed > max_failure_lines)
        return;
    av_log(model.filter_ctx, goes_on ? AV_LOG_WARNING : AV_LOG_ERROR,
           "%s: frame %" PRId64 " (pts %s) failed: %s%s\n",
           model.ctx->model_filename, task.number, av_ts_make_string(pts, task.in_frame->pts),
           task.failure.reason.c_str(),
           model.nb_failed == max_failure_lines ? " (further ones are only counted)" : "");
}

/** What became of the frames that failed, unless one of them was the end. */
void report_failures(const THModel &model)
{
    const int on_error = model.ctx->torch_option.on_error;

    if (model.nb_failed && on_error != fftorch::ON_ERROR_STOP)
        av_log(model.filter_ctx, AV_LOG_WARNING,
               "%s: %" PRId64 " of %" PRId64 " frames failed and were %s\n",
               model.ctx->model_filename, model.nb_failed, model.nb_results,
               on_error == fftorch::ON_ERROR_PASS ? "passed through unchanged" : "dropped");
}

DNNAsyncStatusType get_result_th(const DNNModel *arg, AVFrame **in, AVFrame **out)
{
    THModel &model = *th_model(arg);

    while (THTask *front = static_cast<THTask *>(ff_queue_peek_front(model.task_queue))) {
        if (!is_done(*front)) {
            const int ret = guarded(model.filter_ctx, model.ctx->model_filename, [&] {
                return overdue(model) ? dispatch(model) : 0;
            });
            if (ret < 0) {
                model.ctx->error = ret;
                return DAST_FAIL;
            }
            if (!is_done(*front))
                return DAST_NOT_READY;
        }

        std::unique_ptr<THTask> task(static_cast<THTask *>(ff_queue_pop_front(model.task_queue)));
        if (!task->failure.code)
            interpret(model, *task);
        model.nb_results++;
        if (task->failure.code) {
            model.nb_failed++;
            report_failure(model, *task);
            if (model.ctx->torch_option.on_error == fftorch::ON_ERROR_DROP)
                continue;
            const int error = model.ctx->torch_option.on_error == fftorch::ON_ERROR_STOP
                ? task->failure.code : pass_through(model, *task);
            if (error < 0) {
                model.ctx->error = error;
                return DAST_FAIL;
            }
        }

        *in  = task->in_frame;
        *out = task->out_frame;
        task->in_frame = task->out_frame = NULL;
        return DAST_SUCCESS;
    }
    return DAST_EMPTY_QUEUE;
}

/** Run the last batch, however small, and wait for all that runs. */
int flush_th(const DNNModel *arg)
{
    THModel &model = *th_model(arg);

    return guarded(model.filter_ctx, model.ctx->model_filename, [&] {
        int ret = 0;

        while (ret >= 0 && !model.incomplete.empty())
            ret = enqueue_incomplete(model);
        if (model.window)
            model.window->restart();
        while (ret >= 0 && ff_queue_size(model.lltask_queue))
            ret = dispatch(model);
        if (ret >= 0 && model.pool)
            ret = ff_dnn_worker_pool_drain(model.pool);
        return ret;
    });
}

void free_model_th(DNNModel **arg)
{
    THModel *model = th_model(*arg);

    if (!model)
        return;
    report_failures(*model);
    guarded(model->filter_ctx, model->ctx->model_filename, [&] {
        const std::string summary = model->stats.summary();
        if (!summary.empty())
            av_log(model->filter_ctx, AV_LOG_VERBOSE, "%s: %s\n",
                   model->ctx->model_filename, summary.c_str());
        return 0;
    });
    delete model;
    *arg = NULL;
}

} // namespace

extern "C" const DNNModule ff_dnn_backend_torch = {
    .clazz         = DNN_DEFINE_CLASS_EXT(dnn_th, "dnn_th", ff_dnn_torch_options),
    .type          = DNN_TH,
    .load_model    = fftorch::open_model,
    .execute_model = execute_model_th,
    .get_result    = get_result_th,
    .flush         = flush_th,
    .free_model    = free_model_th,
};
