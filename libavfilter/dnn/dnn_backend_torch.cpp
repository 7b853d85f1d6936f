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
 * DNN backend for LibTorch: the options, the callbacks of the DNN module and
 * the tasks between them.
 *
 * A task is one frame, its order is that of task_queue, which only the filter
 * thread touches. lltask_queue holds the tasks that wait for a batch to be
 * complete. A request carries a batch to a worker of the pool; without a pool
 * the filter thread runs it itself, through the same code.
 */

#include <atomic>
#include <cinttypes>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "dnn_torch_frame.h"
#include "dnn_torch_model.h"
#include "dnn_torch_stats.h"

extern "C" {
#include "libavutil/cpu.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"
#include "libavutil/timestamp.h"
#include "libavfilter/filters.h"
#include "dnn_backend_common.h"
#include "dnn_worker_pool.h"
}

namespace {

using fftorch::Failure;
using fftorch::Stats;

/** More than any machine can use; keeps a typo from eating the memory. */
constexpr int max_requests = 1024;

/** Values of the option precision. */
enum Precision { PRECISION_FP32, PRECISION_FP16, PRECISION_BF16 };
constexpr at::ScalarType scalar_types[] = { at::kFloat, at::kHalf, at::kBFloat16 };

/** One frame. Owned by task_queue until its result is fetched. */
struct THTask : TaskItem {
    LastLevelTaskItem lltask = {};
    int64_t           number = 0;       ///< of the frame, from 1
    Stats::Clock::time_point came = Stats::Clock::now();
    Failure           failure{ 0, {} }; ///< set before done
    std::atomic<bool> done{ false };    ///< set last, by who ran it

    THTask() : TaskItem() { lltask.task = this; }
    ~THTask()
    {
        av_frame_free(&in_frame);
        av_frame_free(&out_frame);
    }

    void finish() { done.store(true, std::memory_order_release); }

    void fail(Failure &&reason)
    {
        failure = std::move(reason);
        finish();
    }
};

/** A batch on its way through the pool. The tasks stay task_queue's. */
struct THRequest {
    std::vector<THTask *> tasks;
};

/** What one worker keeps from batch to batch. */
struct THWorker {
    at::Tensor input;
};

/** The DNNModel that the filter sees, and all that belongs to it. */
struct THModel : DNNModel {
    DnnContext                     *ctx          = nullptr;
    std::unique_ptr<fftorch::Model> net;
    int                             threads      = 1;       ///< intra-op, of a worker
    std::vector<THWorker>           workers;
    std::vector<THRequest>          requests;
    DNNWorkerPool                  *pool         = nullptr; ///< NULL: sync
    Queue                          *task_queue   = nullptr; ///< of THTask
    Queue                          *lltask_queue = nullptr; ///< of LastLevelTaskItem
    int64_t                         nb_frames    = 0;
    Stats                           stats;

    THModel() : DNNModel() {}
    ~THModel();
};

THModel::~THModel()
{
    // no thread touches a task from here on
    ff_dnn_worker_pool_free(&pool);

    while (ff_queue_size(task_queue))
        delete static_cast<THTask *>(ff_queue_pop_front(task_queue));
    ff_queue_destroy(task_queue);
    ff_queue_destroy(lltask_queue);
}

THModel *th_model(const DNNModel *model)
{
    return static_cast<THModel *>(const_cast<DNNModel *>(model));
}

THTask *th_task(const LastLevelTaskItem *lltask)
{
    return static_cast<THTask *>(lltask->task);
}

/**
 * Run what a callback of FFmpeg does. No exception leaves it: it becomes a
 * log line and an AVERROR code.
 */
template <typename Function>
int guarded(void *log_ctx, const char *model_filename, Function &&function) noexcept
{
    try {
        return function();
    } catch (...) {
        const Failure failure = fftorch::describe_exception();
        av_log(log_ctx, AV_LOG_ERROR, "%s: %s\n", model_filename, failure.reason.c_str());
        return failure.code;
    }
}

/** Frames in, network, frames out. All frames are of one size and format. */
void infer(THModel &model, THWorker &worker, THTask *const *tasks, int64_t nb_tasks)
{
    const AVFrame &first = *tasks[0]->in_frame;
    const int channels = fftorch::frame_channels(static_cast<AVPixelFormat>(first.format));
    const std::vector<int64_t> shape = { nb_tasks, channels, first.height, first.width };

    using seconds = std::chrono::duration<double>;
    const Stats::Clock::time_point start = Stats::Clock::now();

    if (!worker.input.defined() || worker.input.sizes() != shape)
        worker.input = model.net->make_input(nb_tasks, channels, first.height, first.width);
    for (int64_t i = 0; i < nb_tasks; i++)
        fftorch::frame_to_tensor(*tasks[i]->in_frame, worker.input[i]);

    const Stats::Clock::time_point filled = Stats::Clock::now();
    at::Tensor output = model.net->forward(worker.input);
    const Stats::Clock::time_point inferred = Stats::Clock::now();

    for (int64_t i = 0; i < nb_tasks; i++)
        fftorch::tensor_to_frame(output[i], *tasks[i]->out_frame);
    output.reset();

    model.stats.ran(seconds(filled - start + (Stats::Clock::now() - inferred)).count(),
                    seconds(inferred - filled).count());

    // a network with a memory may have kept its input: it must not change then
    if (worker.input.use_count() > 1 || worker.input.storage().use_count() > 1)
        worker.input.reset();
}

bool same_shape(THTask *const *tasks, size_t nb_tasks)
{
    const AVFrame *first = tasks[0]->in_frame;

    for (size_t i = 1; i < nb_tasks; i++) {
        const AVFrame *frame = tasks[i]->in_frame;
        if (frame->width != first->width || frame->height != first->height)
            return false;
    }
    return true;
}

/** Run tasks and publish how each of them ended. */
void run_tasks(THModel &model, THWorker &worker, THTask *const *tasks, size_t nb_tasks) noexcept
{
    if (nb_tasks == 1 || same_shape(tasks, nb_tasks)) {
        try {
            infer(model, worker, tasks, nb_tasks);
            for (size_t i = 0; i < nb_tasks; i++) {
                model.stats.finished(tasks[i]->came);
                tasks[i]->finish();
            }
            return;
        } catch (...) {
            if (nb_tasks == 1) {
                tasks[0]->fail(fftorch::describe_exception());
                return;
            }
        }
    }
    // one bad frame must not cost the good ones of its batch
    for (size_t i = 0; i < nb_tasks; i++)
        run_tasks(model, worker, tasks + i, 1);
}

void worker_start(void *opaque, unsigned worker)
{
    THModel *model = static_cast<THModel *>(opaque);

    // the only effect of a failure is a slower worker
    guarded(model->filter_ctx, model->ctx->model_filename, [&] {
        model->net->enter_thread(model->threads);
        return 0;
    });
}

void worker_run(void *opaque, unsigned worker, void *arg)
{
    THModel   *model   = static_cast<THModel *>(opaque);
    THRequest *request = static_cast<THRequest *>(arg);

    run_tasks(*model, model->workers[worker], request->tasks.data(), request->tasks.size());
}

/** Send off the tasks that wait, up to a batch of them. */
int dispatch(THModel &model)
{
    const size_t batch_size = model.ctx->torch_option.batch_size;
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

    model.net->enter_thread(model.threads);
    run_tasks(model, model.workers[0], request->tasks.data(), request->tasks.size());
    return 0;
}

/** @return how many threads are to run the network */
int choose_workers(const THModel &model)
{
    const int wanted = model.ctx->torch_option.workers;

    if (!model.ctx->async)
        return 1;
    // Runs side by side share the cores better than the threads of one run,
    // which wait for each other; but each needs memory.
    if (!wanted)
        return model.net->has_memory() ? 1 : FFMIN(av_cpu_count(), 4);
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

int get_input_th(DNNModel *model, DNNData *input, const char *input_name)
{
    input->dt      = DNN_FLOAT;
    input->order   = DCO_RGB;
    input->layout  = DL_NCHW;
    input->dims[0] = 1;
    input->dims[1] = -1; // get_output_th() tells whether the frame's will do
    input->dims[2] = -1;
    input->dims[3] = -1;
    return 0;
}

/** What to do when the network and the frames differ in channels. */
std::string channel_mismatch(int64_t net, int frame, AVPixelFormat format)
{
    std::string text = "the network takes " + std::to_string(net) + " channels, " +
                       av_get_pix_fmt_name(format) + " frames have " + std::to_string(frame);
    if (net == 1 || net == 3)
        text += std::string(": add format=") + (net == 1 ? "gray" : "rgb24") + " before it";
    return text;
}

/** A trial run finds the size of the output, and warms the network up. */
int get_output_th(DNNModel *arg, const char *input_name, int input_width, int input_height,
                  const char *output_name, int *output_width, int *output_height)
{
    THModel &model = *th_model(arg);
    const AVFilterContext *filter = model.filter_ctx;
    const AVPixelFormat format = static_cast<AVPixelFormat>(filter->inputs[0]->format);
    const int channels = fftorch::frame_channels(format);
    const int64_t net_channels = model.net->channels();

    return guarded(model.filter_ctx, model.ctx->model_filename, [&] {
        at::Tensor output;

        model.net->enter_thread(model.threads);
        try {
            output = model.net->prepare(1, channels, input_height, input_width);
        } catch (...) {
            const Failure failure = fftorch::describe_exception();
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: a trial run on a %s frame of %dx%d failed: %s\n",
                   model.ctx->model_filename, av_get_pix_fmt_name(format),
                   input_width, input_height,
                   net_channels && net_channels != channels
                       ? channel_mismatch(net_channels, channels, format).c_str()
                       : failure.reason.c_str());
            return failure.code;
        }

        if (!output.numel()) {
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: the network returns a picture of %" PRId64 "x%" PRId64 " for one of %dx%d\n",
                   model.ctx->model_filename, output.size(3), output.size(2), input_width, input_height);
            return AVERROR(EINVAL);
        }
        if (output.size(1) != channels) {
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: the network returns %" PRId64 " channels, %s frames have %d\n",
                   model.ctx->model_filename, output.size(1),
                   av_get_pix_fmt_name(format), channels);
            return AVERROR(EINVAL);
        }
        av_log(model.filter_ctx, AV_LOG_VERBOSE, "%s runs %s\n",
               model.ctx->model_filename, model.net->description().c_str());
        *output_width  = output.size(3);
        *output_height = output.size(2);
        return 0;
    });
}

#define OFFSET(x) offsetof(THOptions, x)
#define FLAGS AV_OPT_FLAG_FILTERING_PARAM
const AVOption dnn_th_options[] = {
    { "workers",       "threads that run the network, each on a batch of its own",
      OFFSET(workers), AV_OPT_TYPE_INT, { .i64 = 0 }, 0, 64, FLAGS },
    { "batch_size",    "frames in one run of the network",
      OFFSET(batch_size), AV_OPT_TYPE_INT, { .i64 = 1 }, 1, 256, FLAGS },
    { "optimize",      "form in which the network is run",
      OFFSET(optimize), AV_OPT_TYPE_INT, { .i64 = fftorch::CHOOSE_BY_RULE },
      fftorch::CHOOSE_BY_RULE, fftorch::OPTIMIZE_INFERENCE, FLAGS, "optimize" },
        { "default",   "by what the network is made of",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::CHOOSE_BY_RULE }, 0, 0, FLAGS, "optimize" },
        { "auto",      "the fastest when tried",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::CHOOSE_BY_MEASURING }, 0, 0, FLAGS, "optimize" },
        { "none",      "as it is in the file",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::OPTIMIZE_NONE }, 0, 0, FLAGS, "optimize" },
        { "freeze",    "weights and batch norms folded into the graph",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::OPTIMIZE_FREEZE }, 0, 0, FLAGS, "optimize" },
        { "inference", "frozen, convolutions prepared for the device",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::OPTIMIZE_INFERENCE }, 0, 0, FLAGS, "optimize" },
    { "memory_format", "layout of the tensors",
      OFFSET(memory_format), AV_OPT_TYPE_INT, { .i64 = fftorch::CHOOSE_BY_RULE },
      fftorch::CHOOSE_BY_RULE, fftorch::LAYOUT_CHANNELS_LAST, FLAGS, "memory_format" },
        { "default",       "by what the network is made of",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::CHOOSE_BY_RULE }, 0, 0, FLAGS, "memory_format" },
        { "auto",          "the fastest when tried",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::CHOOSE_BY_MEASURING }, 0, 0, FLAGS, "memory_format" },
        { "contiguous",    "a plane for each channel",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::LAYOUT_CONTIGUOUS }, 0, 0, FLAGS, "memory_format" },
        { "channels_last", "the channels of a pixel side by side",
          0, AV_OPT_TYPE_CONST, { .i64 = fftorch::LAYOUT_CHANNELS_LAST }, 0, 0, FLAGS, "memory_format" },
    { "precision",     "number format of weights and activations",
      OFFSET(precision), AV_OPT_TYPE_INT, { .i64 = PRECISION_FP32 },
      PRECISION_FP32, PRECISION_BF16, FLAGS, "precision" },
        { "fp32", "32-bit float", 0, AV_OPT_TYPE_CONST, { .i64 = PRECISION_FP32 }, 0, 0, FLAGS, "precision" },
        { "fp16", "16-bit float", 0, AV_OPT_TYPE_CONST, { .i64 = PRECISION_FP16 }, 0, 0, FLAGS, "precision" },
        { "bf16", "bfloat16",     0, AV_OPT_TYPE_CONST, { .i64 = PRECISION_BF16 }, 0, 0, FLAGS, "precision" },
    { "keep_memory",   "keep the memory of a run for the next one",
      OFFSET(keep_memory), AV_OPT_TYPE_BOOL, { .i64 = 1 }, 0, 1, FLAGS },
    { NULL }
};

DNNModel *load_model_th(DnnContext *ctx, DNNFunctionType func_type, AVFilterContext *filter_ctx)
{
    std::unique_ptr<THModel> model(new (std::nothrow) THModel);

    if (!model)
        return NULL;
    if (func_type != DFT_PROCESS_FRAME) {
        av_log(filter_ctx, AV_LOG_ERROR,
               "the torch backend does not support this filter, only dnn_processing\n");
        return NULL;
    }
    if (ctx->nireq > max_requests) {
        av_log(filter_ctx, AV_LOG_ERROR, "nireq=%d is more than %d\n", ctx->nireq, max_requests);
        return NULL;
    }

    model->filter_ctx = filter_ctx;
    model->func_type  = func_type;
    model->get_input  = get_input_th;
    model->get_output = get_output_th;
    model->ctx        = ctx;

    const int ret = guarded(filter_ctx, ctx->model_filename, [&] {
        fftorch::ModelOptions options;

        options.path    = ctx->model_filename;
        options.device  = ctx->device ? ctx->device : "cpu";
        options.precision     = scalar_types[ctx->torch_option.precision];
        options.optimize      = ctx->torch_option.optimize;
        options.memory_format = ctx->torch_option.memory_format;
        options.keep_memory   = ctx->torch_option.keep_memory;

        model->net = std::make_unique<fftorch::Model>(options);

        model->task_queue   = ff_queue_create();
        model->lltask_queue = ff_queue_create();
        if (!model->task_queue || !model->lltask_queue)
            throw std::bad_alloc();

        return open_workers(*model);
    });

    return ret < 0 ? NULL : model.release();
}

int no_memory(THModel &model)
{
    av_log(model.filter_ctx, AV_LOG_ERROR, "%s: out of memory\n", model.ctx->model_filename);
    return AVERROR(ENOMEM);
}

int execute_model_th(const DNNModel *arg, DNNExecBaseParams *exec_params)
{
    THModel &model = *th_model(arg);
    const size_t batch_size = model.ctx->torch_option.batch_size;
    int ret = ff_check_exec_params(model.ctx, DNN_TH, model.func_type, exec_params);

    // the frames are ours now, whatever happens
    std::unique_ptr<THTask> task(new (std::nothrow) THTask);
    if (!task) {
        av_frame_free(&exec_params->in_frame);
        av_frame_free(&exec_params->out_frame);
        return no_memory(model);
    }
    ff_dnn_fill_task(task.get(), exec_params, &model, model.pool != NULL, 1);
    if (ret < 0)
        return ret;
    task->number = ++model.nb_frames;

    if (ff_queue_push_back(model.lltask_queue, &task->lltask) < 0)
        return no_memory(model);
    if (ff_queue_push_back(model.task_queue, task.get()) < 0) {
        ff_queue_pop_back(model.lltask_queue);
        return no_memory(model);
    }
    task.release();

    if (ff_queue_size(model.lltask_queue) < batch_size)
        return 0;
    return guarded(model.filter_ctx, model.ctx->model_filename, [&] { return dispatch(model); });
}

DNNAsyncStatusType get_result_th(const DNNModel *arg, AVFrame **in, AVFrame **out)
{
    THModel &model = *th_model(arg);
    THTask *front = static_cast<THTask *>(ff_queue_peek_front(model.task_queue));

    if (!front)
        return DAST_EMPTY_QUEUE;
    if (!front->done.load(std::memory_order_acquire))
        return DAST_NOT_READY;

    std::unique_ptr<THTask> task(static_cast<THTask *>(ff_queue_pop_front(model.task_queue)));
    if (task->failure.code) {
        char pts[AV_TS_MAX_STRING_SIZE];

        av_log(model.filter_ctx, AV_LOG_ERROR, "%s: frame %" PRId64 " (pts %s) failed: %s\n",
               model.ctx->model_filename, task->number,
               av_ts_make_string(pts, task->in_frame->pts), task->failure.reason.c_str());
        return DAST_FAIL;
    }

    *in  = task->in_frame;
    *out = task->out_frame;
    task->in_frame = task->out_frame = NULL;
    return DAST_SUCCESS;
}

/** Run the last batch, however small, and wait for all that runs. */
int flush_th(const DNNModel *arg)
{
    THModel &model = *th_model(arg);

    return guarded(model.filter_ctx, model.ctx->model_filename, [&] {
        int ret = 0;

        if (ff_queue_size(model.lltask_queue))
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
    .clazz         = DNN_DEFINE_CLASS(dnn_th),
    .type          = DNN_TH,
    .load_model    = load_model_th,
    .execute_model = execute_model_th,
    .get_result    = get_result_th,
    .flush         = flush_th,
    .free_model    = free_model_th,
};
