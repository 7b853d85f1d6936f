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

#include "infer.h"

#include <chrono>
#include <cstdio>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <utility>

extern "C" {
#include "libavutil/dict.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/pixdesc.h"
}

namespace fftorch {
namespace {

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

/** Let the worker's FrameIO have the frames of a batch. */
void open_io_for_batch(THWorker &worker, THTask *const *tasks, int64_t nb_tasks)
{
    std::vector<const AVFrame *> sources;
    std::vector<FramePair>       outputs;

    for (int64_t i = 0; i < nb_tasks; i++) {
        for (int64_t t = 0; t < tasks[i]->nb_frames(); t++)
            sources.push_back(&tasks[i]->frame(t));
        outputs.push_back({ tasks[i]->in_frame, tasks[i]->out_frame });
    }
    worker.io->open(std::move(sources), std::move(outputs));
}

/** Frames in, network, frames out. All frames are of one size and format. */
void infer(THModel &model, THWorker &worker, THTask *const *tasks, int64_t nb_tasks)
{
    const DeviceStream::Use use(worker.stream);

    if (model.func_type != DFT_PROCESS_FRAME)
        return analyse(model, worker, tasks, nb_tasks);

    using seconds = std::chrono::duration<double>;
    FrameIO &io = *worker.io;
    const AVFrame &first = *tasks[0]->in_frame;
    const Tiling tiling(first.width, first.height, model.tile_options);
    const int64_t channels = io.channels();
    const int64_t frames   = tasks[0]->nb_frames();
    const std::vector<int64_t> shape = { nb_tasks, frames * channels,
                                         tiling.tile_height, tiling.tile_width };
    seconds inference{ 0 };
    const Stats::Clock::time_point start = Stats::Clock::now();

    const bool recorded = worker.recording && worker.recording->input().sizes() == shape;
    const at::Tensor &input = recorded ? worker.recording->input()
                                       : open_input(model, worker, shape, io.device());
    open_io_for_batch(worker, tasks, nb_tasks);
    for (const Span &row : tiling.rows) {
        for (const Span &column : tiling.columns) {
            for (int64_t i = 0; i < nb_tasks; i++)
                for (int64_t t = 0; t < frames; t++)
                    io.load(i * frames + t, column.start, row.start,
                              input[i].narrow(0, t * channels, channels));

            const Stats::Clock::time_point filled = Stats::Clock::now();
            const at::Tensor output = recorded ? worker.recording->replay()
                                               : model.net->forward(input);
            inference += Stats::Clock::now() - filled;

            const Tiling::Part part = tiling.part(output, column, row);
            for (int64_t i = 0; i < nb_tasks; i++) {
                check_output(tiling, output, channels, *tasks[i]->out_frame);
                io.store(part.pixels[i], i, part.x, part.y);
            }
        }
    }
    // what a device still has to do is the network's, by and large
    const Stats::Clock::time_point given = Stats::Clock::now();
    io.wait();
    inference += Stats::Clock::now() - given;
    io.close();

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

/**
 * Run a batch and publish that it is done, if nothing fails.
 *
 * @tparam Lock how it holds model.running
 * @return why it failed; its code is 0 if it did not
 */
template <typename Lock>
Failure attempt(THModel &model, THWorker &worker, THTask *const *tasks, size_t nb_tasks) noexcept
{
    try {
        std::unique_lock<std::mutex> turn(model.turn);
        const Lock running(model.running);
        turn.unlock();

        infer(model, worker, tasks, nb_tasks);
        for (size_t i = 0; i < nb_tasks; i++)
            note_latency(model, *tasks[i]);
        // nothing may fail from the first that is done on: it is gone then
        for (size_t i = 0; i < nb_tasks; i++)
            tasks[i]->finish();
        return { 0, {} };
    } catch (...) {
        Failure failure = describe_exception();
        worker.stream.settle(); // what is under way has the frames
        if (failure.device_memory) {
            worker.input.reset();
            if (worker.io)
                worker.io->release();
            release_device_memory(model.device);
        }
        return failure;
    }
}

using Beside = std::shared_lock<std::shared_mutex>;
using Alone  = std::unique_lock<std::shared_mutex>;

} // namespace

void run_tasks(THModel &model, THWorker &worker, THTask *const *tasks, size_t nb_tasks) noexcept
{
    const size_t most = FFMIN(worker.most, model.net->largest_batch(nb_tasks));
    // one bad frame must not cost the good ones of its batch
    size_t part = 1;

    if (nb_tasks > most) {
        part = most;
    } else if (nb_tasks == 1 || same_shape(tasks, nb_tasks)) {
        Failure failure = attempt<Beside>(model, worker, tasks, nb_tasks);

        // what memory there is the batches of other workers may have had; a network
        // with state may have seen the frame, and must not see it twice
        if (failure.device_memory && nb_tasks == 1 && !model.net->has_state())
            failure = attempt<Alone>(model, worker, tasks, nb_tasks);
        if (!failure.code)
            return;
        if (nb_tasks == 1) {
            tasks[0]->fail(std::move(failure));
            return;
        }
        if (failure.device_memory)
            part = halve_batches(model, worker, nb_tasks);
    }
    for (size_t i = 0; i < nb_tasks; i += part)
        run_tasks(model, worker, tasks + i, FFMIN(part, nb_tasks - i));
}

} // namespace fftorch
