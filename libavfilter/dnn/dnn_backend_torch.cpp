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
 * DNN backend for LibTorch: the callbacks of the DNN module and the tasks
 * between them.
 *
 * A task is one frame, its order is that of task_queue, which only the filter
 * thread touches. For classification it has a task for each box, which are run
 * in its place. lltask_queue holds the tasks that wait for a batch to be
 * complete. A request carries a batch to a worker of the pool; without a pool
 * the filter thread runs it itself, through the same code.
 */

#include <atomic>
#include <chrono>
#include <cinttypes>
#include <climits>
#include <cstdio>
#include <deque>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dnn_torch_analytics.h"
#include "dnn_torch_cuda.h"
#include "dnn_torch_device.h"
#include "dnn_torch_frame.h"
#include "dnn_torch_graph.h"
#include "dnn_torch_model.h"
#include "dnn_torch_port.h"
#include "dnn_torch_staging.h"
#include "dnn_torch_stats.h"
#include "dnn_torch_tiles.h"
#include "dnn_torch_window.h"

extern "C" {
#include "libavutil/cpu.h"
#include "libavutil/dict.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/pixdesc.h"
#include "libavutil/timestamp.h"
#include "libavfilter/filters.h"
#include "dnn_backend_common.h"
#include "dnn_torch_options.h"
#include "dnn_worker_pool.h"
}

namespace {

using fftorch::DeviceStream;
using fftorch::FrameMap;
using fftorch::Failure;
using fftorch::SharedFrame;
using fftorch::Stats;
using fftorch::Tiling;

/** More than any machine can use; keeps a typo from eating the memory. */
constexpr int max_requests = 1024;
/** Of threads, too: where it cannot start them, OpenMP ends the process. */
constexpr int max_threads = 256;

/** By the option precision. */
constexpr at::ScalarType scalar_types[] = { at::kFloat, at::kHalf, at::kBFloat16 };

/** So many failed frames get a line each, the others are only counted. */
constexpr int64_t max_failure_lines = 5;

/** One frame. Owned by task_queue until its result is fetched. */
struct THTask : TaskItem {
    LastLevelTaskItem lltask = {};
    std::vector<SharedFrame> window;    ///< that the network sees; empty: in_frame alone
    int64_t           number = 0;       ///< of the frame, from 1
    Stats::Clock::time_point came = Stats::Clock::now();
    Failure           failure{ 0, {} }; ///< set before done
    std::atomic<bool> done{ false };    ///< set last, by who ran it

    // for detection and classification
    fftorch::Area           area = {};  ///< of the frame, that the network sees
    std::vector<at::Tensor> outputs;    ///< see outputs_of_one()
    std::vector<std::unique_ptr<THTask>> boxes; ///< to classify; their in_frame is ours

    /** @param frames in a window */
    explicit THTask(int frames = 0) : TaskItem(), window(frames) { lltask.task = this; }
    ~THTask()
    {
        for (const std::unique_ptr<THTask> &box : boxes)
            box->in_frame = NULL;
        av_frame_free(&in_frame);
        av_frame_free(&out_frame);
    }

    int64_t nb_frames() const { return window.empty() ? 1 : window.size(); }
    const AVFrame &frame(int64_t t) const { return window.empty() ? *in_frame : *window[t]; }

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
    DeviceStream        stream;
    std::unique_ptr<fftorch::FramePort>       port; ///< for the frames' format
    std::unique_ptr<fftorch::cuda::Recording> recording;
    at::Tensor          input;
    fftorch::AreaLoader loader;
    size_t              most = SIZE_MAX; ///< tasks of a batch, for lack of memory
};

/** The DNNModel that the filter sees, and all that belongs to it. */
struct THModel : DNNModel {
    DnnContext                     *ctx          = nullptr;
    c10::Device                     device       = c10::Device(c10::DeviceType::CPU);
    std::unique_ptr<fftorch::Model> net;
    fftorch::PixelOptions           pixel_options;
    fftorch::TileOptions            tile_options;
    std::vector<AVPixelFormat>      formats;
    FrameMap                        map;                    ///< for detection and classification
    int                             threads      = 1;       ///< intra-op, of a worker
    std::vector<THWorker>           workers;
    std::vector<THRequest>          requests;
    DNNWorkerPool                  *pool         = nullptr; ///< NULL: sync
    Queue                          *task_queue   = nullptr; ///< of THTask
    Queue                          *lltask_queue = nullptr; ///< of LastLevelTaskItem
    std::unique_ptr<fftorch::Window> window;
    std::deque<THTask *>            incomplete;             ///< tasks whose windows lack frames
    fftorch::Stack                  stack        = fftorch::STACK_CHANNELS;
    int64_t                         nb_frames    = 0;
    int                             nb_waiting   = 0;       ///< frames since the first of lltask_queue
    int                             input_width  = 0;       ///< for detection and classification
    int                             input_height = 0;
    int64_t                         nb_results   = 0;       ///< fetched, the failed ones among them
    int64_t                         nb_failed    = 0;       ///< of those
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

int nb_window_frames(const THModel &model)
{
    return model.window ? model.window->length() : 1;
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
int guarded(void *log_ctx, const char *model_filename, const Function &function) noexcept
{
    try {
        return function();
    } catch (...) {
        const Failure failure = fftorch::describe_exception();
        av_log(log_ctx, AV_LOG_ERROR, "%s: %s\n", model_filename, failure.reason.c_str());
        return failure.code;
    }
}

/** @return what frames are made to, for detection and classification */
AVPixelFormat analytics_format(const THModel &model)
{
    const bool gray = model.pixel_options.color == fftorch::COLOR_Y ||
                      (model.pixel_options.color == fftorch::COLOR_AUTO && model.net->channels() == 1);

    return gray ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
}

/** @return what the filter gets of what the network returned for one of a batch */
std::vector<at::Tensor> analytics_outputs(const THModel &model, const std::vector<at::Tensor> &outputs,
                                          int64_t n, int64_t i)
{
    if (model.func_type == DFT_ANALYTICS_CLASSIFY && outputs.size() != 1)
        throw std::runtime_error("it returned " + std::to_string(outputs.size()) +
                                 " tensors instead of one with a value for each class");
    return fftorch::outputs_of_one(outputs, n, i);
}

/** @return the worker's input of a shape [N, C, H, W] on a device, to be filled */
const at::Tensor &open_input(const THModel &model, THWorker &worker,
                             const std::vector<int64_t> &shape, c10::Device device)
{
    if (!worker.input.defined() || worker.input.sizes() != shape || worker.input.device() != device)
        worker.input = model.net->make_input(shape[0], shape[1], shape[2], shape[3], device);
    return worker.input;
}

/** A network with a memory may have kept its input: it must not change then. */
void close_input(THWorker &worker)
{
    if (worker.input.use_count() > 1 || worker.input.storage().use_count() > 1)
        worker.input.reset();
}

/** Areas of frames in, network, tensors out that the filter is to interpret. */
void analyse(THModel &model, THWorker &worker, THTask *const *tasks, int64_t nb_tasks)
{
    const std::vector<int64_t> shape = { nb_tasks, model.map.channels(),
                                         model.input_height, model.input_width };

    using seconds = std::chrono::duration<double>;
    const Stats::Clock::time_point start = Stats::Clock::now();

    const at::Tensor &input = open_input(model, worker, shape, at::kCPU);
    for (int64_t i = 0; i < nb_tasks; i++)
        worker.loader.load(*tasks[i]->in_frame, tasks[i]->area, analytics_format(model),
                           model.map, input[i]);

    const Stats::Clock::time_point filled = Stats::Clock::now();
    std::vector<at::Tensor> outputs = model.net->forward_all(input);
    const Stats::Clock::time_point inferred = Stats::Clock::now();

    for (int64_t i = 0; i < nb_tasks; i++)
        tasks[i]->outputs = analytics_outputs(model, outputs, nb_tasks, i);
    outputs.clear();

    model.stats.ran(seconds(filled - start + (Stats::Clock::now() - inferred)).count(),
                    seconds(inferred - filled).count());

    close_input(worker);
}

/** @throws std::runtime_error if an output frame is not what a tile's output makes */
void check_output(const Tiling &tiling, const at::Tensor &output, int64_t channels,
                  const AVFrame &frame)
{
    const int64_t width  = tiling.output_width(output.size(3));
    const int64_t height = tiling.output_height(output.size(2));

    if (output.size(1) != channels || width != frame.width || height != frame.height)
        throw std::runtime_error("it returned " + std::to_string(output.size(1)) +
            " channels of " + std::to_string(width) + "x" + std::to_string(height) + ", the " +
            av_get_pix_fmt_name(static_cast<AVPixelFormat>(frame.format)) + " output has " +
            std::to_string(channels) + " of " +
            std::to_string(frame.width) + "x" + std::to_string(frame.height));
}

/** Let the worker's port have the frames of a batch. */
void open_port(THWorker &worker, THTask *const *tasks, int64_t nb_tasks)
{
    std::vector<const AVFrame *>    sources;
    std::vector<fftorch::FramePair> outputs;

    for (int64_t i = 0; i < nb_tasks; i++) {
        for (int64_t t = 0; t < tasks[i]->nb_frames(); t++)
            sources.push_back(&tasks[i]->frame(t));
        outputs.push_back({ tasks[i]->in_frame, tasks[i]->out_frame });
    }
    worker.port->open(std::move(sources), std::move(outputs));
}

/** Frames in, network, frames out. All frames are of one size and format. */
void infer(THModel &model, THWorker &worker, THTask *const *tasks, int64_t nb_tasks)
{
    const DeviceStream::Use use(worker.stream);

    if (model.func_type != DFT_PROCESS_FRAME)
        return analyse(model, worker, tasks, nb_tasks);

    using seconds = std::chrono::duration<double>;
    fftorch::FramePort &port = *worker.port;
    const AVFrame &first = *tasks[0]->in_frame;
    const Tiling tiling(first.width, first.height, model.tile_options);
    const int64_t channels = port.channels();
    const int64_t frames   = tasks[0]->nb_frames();
    const std::vector<int64_t> shape = { nb_tasks, frames * channels,
                                         tiling.tile_height, tiling.tile_width };
    seconds inference{ 0 };
    const Stats::Clock::time_point start = Stats::Clock::now();

    const bool recorded = worker.recording && worker.recording->input().sizes() == shape;
    const at::Tensor &input = recorded ? worker.recording->input()
                                       : open_input(model, worker, shape, port.device());
    open_port(worker, tasks, nb_tasks);
    for (const fftorch::Span &row : tiling.rows) {
        for (const fftorch::Span &column : tiling.columns) {
            for (int64_t i = 0; i < nb_tasks; i++)
                for (int64_t t = 0; t < frames; t++)
                    port.load(i * frames + t, column.start, row.start,
                              input[i].narrow(0, t * channels, channels));

            const Stats::Clock::time_point filled = Stats::Clock::now();
            const at::Tensor output = recorded ? worker.recording->replay()
                                               : model.net->forward(input);
            inference += Stats::Clock::now() - filled;

            const Tiling::Part part = tiling.part(output, column, row);
            for (int64_t i = 0; i < nb_tasks; i++) {
                check_output(tiling, output, channels, *tasks[i]->out_frame);
                port.store(part.pixels[i], i, part.x, part.y);
            }
        }
    }
    // what a device still has to do is the network's, by and large
    const Stats::Clock::time_point given = Stats::Clock::now();
    port.wait();
    inference += Stats::Clock::now() - given;
    port.close();

    model.stats.ran(seconds(Stats::Clock::now() - start - inference).count(), inference.count());

    if (!recorded)
        close_input(worker);
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

/** A frame is done: count it, and write how long it took to its metadata. */
void note_latency(THModel &model, THTask &task)
{
    const double latency = model.stats.finished(task.came);
    AVFrame *frame = task.out_frame;
    char text[32];

    if (!model.ctx->torch_option.latency || !frame)
        return;
    snprintf(text, sizeof(text), "%.6f", latency);
    if (av_dict_set(&frame->metadata, "lavfi.dnn.latency", text, 0) < 0)
        throw std::bad_alloc();
}

/**
 * A device had not enough memory for a batch: from now on the worker's are
 * half as large, which shows in the log.
 */
size_t halve_batches(THModel &model, THWorker &worker, size_t nb_tasks)
{
    worker.most = (nb_tasks + 1) / 2;
    av_log(model.filter_ctx, AV_LOG_WARNING,
           "%s: out of memory with a batch of %zu, going on with batches of %zu\n",
           model.ctx->model_filename, nb_tasks, worker.most);
    return worker.most;
}

/** Run tasks and publish how each of them ended. */
void run_tasks(THModel &model, THWorker &worker, THTask *const *tasks, size_t nb_tasks) noexcept
{
    // one bad frame must not cost the good ones of its batch
    size_t part = 1;

    if (nb_tasks > worker.most) {
        part = worker.most;
    } else if (nb_tasks == 1 || same_shape(tasks, nb_tasks)) {
        try {
            infer(model, worker, tasks, nb_tasks);
            for (size_t i = 0; i < nb_tasks; i++)
                note_latency(model, *tasks[i]);
            // nothing may fail from the first that is done on: it is gone then
            for (size_t i = 0; i < nb_tasks; i++)
                tasks[i]->finish();
            return;
        } catch (...) {
            Failure failure = fftorch::describe_exception();
            worker.stream.settle(); // what is under way has the frames
            if (failure.device_memory) {
                worker.input.reset();
                if (worker.port)
                    worker.port->release();
                fftorch::release_device_memory(model.device);
            }
            if (nb_tasks == 1) {
                tasks[0]->fail(std::move(failure));
                return;
            }
            if (failure.device_memory)
                part = halve_batches(model, worker, nb_tasks);
        }
    }
    for (size_t i = 0; i < nb_tasks; i += part)
        run_tasks(model, worker, tasks + i, FFMIN(part, nb_tasks - i));
}

void worker_start(void *opaque, unsigned worker)
{
    THModel *model = static_cast<THModel *>(opaque);

    // the only effect of a failure is a slower worker
    guarded(model->filter_ctx, model->ctx->model_filename, [&] {
        fftorch::Model::enter_thread(model->threads);
        return 0;
    });
}

void worker_run(void *opaque, unsigned worker, void *arg)
{
    THModel   *model   = static_cast<THModel *>(opaque);
    THRequest *request = static_cast<THRequest *>(arg);

    run_tasks(*model, model->workers[worker], request->tasks.data(), request->tasks.size());
}

/** Send off the tasks whose turn it is, up to a batch of them. */
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

    fftorch::Model::enter_thread(model.threads);
    run_tasks(model, model.workers[0], request->tasks.data(), request->tasks.size());
    return 0;
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

/** @return the channels of one frame that the network takes, 0 if unknown */
int64_t net_channels(const THModel &model)
{
    const int64_t channels = model.net->channels();
    const int     frames   = nb_window_frames(model);

    if (model.stack != fftorch::STACK_CHANNELS)
        return channels;
    return channels % frames ? 0 : channels / frames;
}

/** What to do when the network and the frames differ in channels. */
std::string channel_mismatch(int64_t net, int64_t available, const std::string &whose)
{
    std::string text = "the network takes " + std::to_string(net) + (net == 1 ? " channel, " : " channels, ") +
                       whose + " " + std::to_string(available);
    if (net == 1)
        text += ": add format=gray before it or choose color=y";
    else if (net == 3)
        text += ": add format=rgb24 before it or choose color=rgb";
    return text;
}

/** @return a multiple that width and height of the input must be of, 0: there is none */
int find_multiple(THModel &model, int64_t channels, int width, int height)
{
    for (int multiple = 2; multiple <= 64; multiple *= 2)
        if ((width % multiple || height % multiple) &&
            model.net->accepts(channels, FFALIGN(height, multiple), FFALIGN(width, multiple)))
            return multiple;
    return 0;
}

/** Why a trial run failed, with a way out if there is one. */
std::string trial_failure(THModel &model, AVPixelFormat format, int width, int height,
                          const std::string &reason)
{
    const int64_t wanted = net_channels(model);
    const int64_t channels = model.workers[0].port->channels();
    const std::string whose = std::string(av_get_pix_fmt_name(format)) + " frames have";
    int multiple = 0;

    if (wanted && wanted != channels)
        return channel_mismatch(wanted, channels, whose);
    if (model.tile_options.multiple == 1 && !model.tile_options.width)
        multiple = find_multiple(model, nb_window_frames(model) * channels, width, height);
    return multiple ? reason + "; it needs a multiple of " + std::to_string(multiple) +
                      " as width and height: add pad=" + std::to_string(multiple)
                    : reason;
}

/** Find the way for the frames that are to come. */
void open_ports(THModel &model)
{
    AVFilterLink *inlink = model.filter_ctx->inputs[0];
    const AVPixelFormat format = static_cast<AVPixelFormat>(inlink->format);

    for (THWorker &worker : model.workers) {
        worker.recording.reset();
        worker.input.reset();
        if (format == AV_PIX_FMT_CUDA)
            worker.port = fftorch::cuda::open_surfaces(ff_filter_link(inlink)->hw_frames_ctx,
                                                       model.pixel_options, net_channels(model),
                                                       model.device, worker.stream);
        else if (model.device.is_cpu())
            worker.port = std::make_unique<fftorch::HostPort>(format, model.pixel_options);
        else
            worker.port = std::make_unique<fftorch::StagedPort>(format, model.pixel_options,
                                                                model.device, worker.stream);
    }
}

/** If asked for, record a run of a full batch [N, C, H, W] for each worker. */
void record_runs(THModel &model, int64_t channels, int64_t height, int64_t width)
{
    if (!model.ctx->torch_option.cuda_graph)
        return;
    try {
        if (!model.device.is_cuda())
            throw std::invalid_argument("they are for device=cuda");
        if (model.net->has_memory())
            throw std::invalid_argument("the network may remember something from frame to frame");
        for (THWorker &worker : model.workers) {
            const DeviceStream::Use use(worker.stream);
            worker.recording = fftorch::cuda::record(
                model.net->make_input(model.ctx->torch_option.batch_size, channels, height, width,
                                      model.device).zero_(),
                [&](const at::Tensor &input) { return model.net->forward(input); });
        }
        av_log(model.filter_ctx, AV_LOG_VERBOSE, "%s runs as a CUDA graph\n",
               model.ctx->model_filename);
    } catch (...) {
        const Failure failure = fftorch::describe_exception();
        for (THWorker &worker : model.workers) {
            worker.recording.reset();
            worker.stream = DeviceStream(model.device);
        }
        av_log(model.filter_ctx, AV_LOG_WARNING, "%s: no CUDA graphs, %s\n",
               model.ctx->model_filename, failure.reason.c_str());
    }
}

/** A trial run finds the size of the output, and warms the network up. */
int get_output_th(DNNModel *arg, const char *input_name, int input_width, int input_height,
                  const char *output_name, int *output_width, int *output_height)
{
    THModel &model = *th_model(arg);
    const AVFilterContext *filter = model.filter_ctx;
    const AVPixelFormat format = static_cast<AVPixelFormat>(filter->inputs[0]->format);

    return guarded(model.filter_ctx, model.ctx->model_filename, [&] {
        const Tiling tiling(input_width, input_height, model.tile_options);
        at::Tensor output;

        open_ports(model);
        const int64_t channels = model.workers[0].port->channels();
        fftorch::Model::enter_thread(model.threads);
        try {
            for (int i = 0; i < model.ctx->torch_option.warmup; i++)
                output = model.net->prepare(1, nb_window_frames(model) * channels,
                                            tiling.tile_height, tiling.tile_width);
        } catch (...) {
            const Failure failure = fftorch::describe_exception();
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: a trial run on a %s frame of %dx%d failed: %s\n",
                   model.ctx->model_filename, av_get_pix_fmt_name(format),
                   input_width, input_height,
                   trial_failure(model, format, input_width, input_height, failure.reason).c_str());
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
                   "%s: the network returns %" PRId64 " channels, %s frames have %" PRId64 "\n",
                   model.ctx->model_filename, output.size(1),
                   av_get_pix_fmt_name(format), channels);
            return AVERROR(EINVAL);
        }
        av_log(model.filter_ctx, AV_LOG_VERBOSE, "%s runs %s\n",
               model.ctx->model_filename, model.net->description().c_str());

        const int64_t width  = tiling.output_width(output.size(3));
        const int64_t height = tiling.output_height(output.size(2));
        if (width > INT_MAX || height > INT_MAX) {
            av_log(model.filter_ctx, AV_LOG_ERROR,
                   "%s: the network returns a picture of %" PRId64 "x%" PRId64 ", which is too large\n",
                   model.ctx->model_filename, width, height);
            return AVERROR(EINVAL);
        }
        record_runs(model, nb_window_frames(model) * channels,
                    tiling.tile_height, tiling.tile_width);
        *output_width  = width;
        *output_height = height;
        return 0;
    });
}

/**
 * A trial run for detection and classification, to warm the network up and to
 * tell early what is wrong with it. Its input has the size of the model.
 */
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
        fftorch::Model::enter_thread(model.threads);
        try {
            const std::vector<at::Tensor> outputs =
                model.net->prepare_all(1, model.map.channels(), height, width);
            hint = "";
            analytics_outputs(model, outputs, 1, 0);
        } catch (...) {
            const Failure failure = fftorch::describe_exception();
            av_log(model.filter_ctx, AV_LOG_ERROR, "%s: a trial run on %dx%d failed: %s%s\n",
                   model.ctx->model_filename, width, height, failure.reason.c_str(), hint);
            return failure.code;
        }
        av_log(model.filter_ctx, AV_LOG_VERBOSE, "%s runs %s\n",
               model.ctx->model_filename, model.net->description().c_str());
        return 0;
    });
}

/** The input for detection: of the size that was asked for, or the frames'. */
int get_input_detect_th(DNNModel *arg, DNNData *input, const char *input_name)
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

/** Take over and check the options that tell what the network wants. */
void open_options(THModel &model)
{
    const THOptions &options = model.ctx->torch_option;

    model.pixel_options.color = static_cast<fftorch::Color>(options.color);
    model.pixel_options.range = static_cast<fftorch::Range>(options.range);
    model.pixel_options.scale.assign(options.scale, options.scale + options.nb_scale);
    model.pixel_options.mean.assign(options.mean, options.mean + options.nb_mean);

    model.tile_options = { options.pad, options.tile_width, options.tile_height, options.overlap };

    if (options.frames > 1 && model.func_type == DFT_PROCESS_FRAME)
        model.window = std::make_unique<fftorch::Window>(options.frames);
}

/** How the frames of a window are stacked, for a network with so many input channels. */
fftorch::Stack choose_stack(const THOptions &options, int64_t channels)
{
    if (options.stack != fftorch::STACK_AUTO)
        return static_cast<fftorch::Stack>(options.stack);
    return channels && channels % options.frames ? fftorch::STACK_TIME : fftorch::STACK_CHANNELS;
}

/** Find the formats that have the channels the network takes. */
int open_formats(THModel &model)
{
    const fftorch::Color color = model.pixel_options.color;
    int64_t channels = net_channels(model);

    // some networks take any number, of others it shows only when they run
    if (!channels && !model.window) {
        fftorch::Model::enter_thread(model.threads);
        const bool three = model.net->accepts(3, 64, 64);
        if (three != model.net->accepts(1, 64, 64))
            channels = three ? 3 : 1;
    }
    model.formats = fftorch::frame_formats(color, channels);
    if (model.formats.size() > 1) {
        if (fftorch::cuda::takes_surfaces(model.device))
            model.formats.insert(model.formats.end() - 1, AV_PIX_FMT_CUDA);
        model.pix_fmts = model.formats.data();
        return 0;
    }
    av_log(model.filter_ctx, AV_LOG_ERROR, "%s: %s\n", model.ctx->model_filename,
           channel_mismatch(channels, color == fftorch::COLOR_Y || channels == 3 ? 1 : 3,
                            color == fftorch::COLOR_AUTO ? "frames have 1 or" : "with this color frames have").c_str());
    return AVERROR(EINVAL);
}

DNNModel *load_model_th(DnnContext *ctx, DNNFunctionType func_type, AVFilterContext *filter_ctx)
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
        fftorch::ModelOptions options;

        model = std::make_unique<THModel>();
        model->filter_ctx = filter_ctx;
        model->func_type  = func_type;
        model->get_input  = func_type == DFT_ANALYTICS_DETECT ? get_input_detect_th : get_input_th;
        model->get_output = get_output_th;
        model->ctx        = ctx;
        model->input_width  = th_options.input_width;
        model->input_height = th_options.input_height;

        open_options(*model);
        model->device = fftorch::open_device(ctx->device ? ctx->device : "cpu", ctx->device_id);
        options.path          = ctx->model_filename;
        options.device        = model->device;
        options.precision     = scalar_types[th_options.precision];
        options.optimize      = th_options.optimize;
        options.memory_format = th_options.memory_format;
        options.keep_memory   = th_options.keep_memory;
        options.nhwc          = th_options.layout == DL_NHWC;
        options.runners       = max_workers(ctx, model->device);
        options.batch_size    = th_options.batch_size;

        model->net   = fftorch::load_model(options);
        model->stack = choose_stack(th_options, model->net->channels());
        if (model->window && model->stack == fftorch::STACK_TIME)
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
        model->formats  = fftorch::frame_formats(fftorch::COLOR_AUTO, 0);
        model->pix_fmts = model->formats.data();
        return func_type == DFT_ANALYTICS_CLASSIFY ? prepare_analytics(*model) : 0;
    });

    return ret < 0 ? NULL : model.release();
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
    for (const fftorch::Box &found : fftorch::boxes_to_classify(frame, params->target)) {
        task.boxes.push_back(std::make_unique<THTask>());
        THTask &box = *task.boxes.back();
        box.in_frame = task.in_frame;
        box.area     = found.area;
        box.lltask.bbox_index = found.index;
    }
    task.done = true; // but for its boxes
}

/**
 * Queue the boxes of a frame, and send off what waits in batches. Boxes wait
 * for those of the next frames, but not for more than a batch of frames, which
 * may have none.
 */
int submit_boxes(THModel &model, THTask &task)
{
    const size_t batch_size = model.ctx->torch_option.batch_size;

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
    if (ff_queue_size(model.lltask_queue) < static_cast<size_t>(model.ctx->torch_option.batch_size))
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

/** @return whether a frame has waited too long for its batch to be complete */
bool overdue(const THModel &model)
{
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
    for (const std::unique_ptr<THTask> &box : task.boxes) {
        if (!box->failure.code)
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
            task.failure = { ret, "the filter can not use what the network returned, " +
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
               "%s: on_error=pass cannot make an output of %dx%d from an input of %dx%d: use drop\n",
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
            if (ret < 0)
                return DAST_FAIL;
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
            if (model.ctx->torch_option.on_error == fftorch::ON_ERROR_STOP ||
                pass_through(model, *task) < 0)
                return DAST_FAIL;
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
    .load_model    = load_model_th,
    .execute_model = execute_model_th,
    .get_result    = get_result_th,
    .flush         = flush_th,
    .free_model    = free_model_th,
};
