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
 * What the parts of the LibTorch backend share: a frame's task, a worker, and
 * the model that they belong to.
 *
 * A task is one frame, its order is that of task_queue, which only the filter
 * thread touches. For classification it has a task for each box, which are run
 * in its place. lltask_queue holds the tasks that wait for a batch to be
 * complete. A request carries a batch to a worker of the pool; without a pool
 * the filter thread runs it itself, through the same code.
 */

#ifndef AVFILTER_DNN_TORCH_BACKEND_H
#define AVFILTER_DNN_TORCH_BACKEND_H

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "analytics.h"
#include "cuda.h"
#include "device.h"
#include "error.h"
#include "frame.h"
#include "network.h"
#include "io.h"
#include "stats.h"
#include "tiles.h"
#include "window.h"

extern "C" {
#include "libavutil/frame.h"
#include "libavutil/log.h"
#include "libavfilter/dnn/dnn_backend_common.h"
#include "libavfilter/dnn/dnn_worker_pool.h"
}

namespace fftorch {

/** One frame. Owned by task_queue until its result is fetched. */
struct THTask : TaskItem {
    LastLevelTaskItem        lltask = {};
    std::vector<SharedFrame> window;           ///< that the network sees; empty: in_frame alone
    int64_t                  number = 0;       ///< of the frame, from 1
    Stats::Clock::time_point came = Stats::Clock::now();
    Failure                  failure{ 0, {} }; ///< set before done
    std::atomic<bool>        done{ false };    ///< set last, by who ran it

    // for detection and classification
    Area                                 area = {}; ///< of the frame, that the network sees
    std::vector<at::Tensor>              outputs;   ///< see outputs_of_one()
    std::vector<std::unique_ptr<THTask>> boxes;     ///< to classify; their in_frame is ours

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
    DeviceStream                     stream;
    std::unique_ptr<FrameIO>       io;            ///< for the frames' format
    std::unique_ptr<cuda::Recording> recording;       ///< of a full batch, or NULL
    at::Tensor                       input;           ///< see Network::make_input()
    AreaLoader                       loader;
    size_t                           most = SIZE_MAX; ///< tasks of a batch, for lack of memory
};

/** The DNNModel that the filter sees, and all that belongs to it. */
struct THModel : DNNModel {
    DnnContext                *ctx = nullptr;
    c10::Device                device = c10::Device(c10::DeviceType::CPU);
    std::unique_ptr<Network>     net;
    PixelOptions               pixel_options;
    TileOptions                tile_options;
    std::vector<AVPixelFormat> formats;
    int                        threads = 1;            ///< intra-op, of a worker
    std::vector<THWorker>      workers;
    std::vector<THRequest>     requests;
    DNNWorkerPool             *pool         = nullptr; ///< NULL: sync
    Queue                     *task_queue   = nullptr; ///< of THTask
    Queue                     *lltask_queue = nullptr; ///< of LastLevelTaskItem
    int64_t                    nb_frames    = 0;       ///< that came
    int                        nb_waiting   = 0;       ///< frames since the first of lltask_queue
    int64_t                    nb_results   = 0;       ///< fetched, the failed ones among them
    int64_t                    nb_failed    = 0;       ///< of those
    Stats                      stats;

    std::mutex                 turn;    ///< held to get the next one, so that nobody starves
    std::shared_mutex          running; ///< shared by the batches that run, or of one alone

    // for networks that look at several frames
    std::unique_ptr<Window>    window;
    std::deque<THTask *>       incomplete;             ///< tasks whose windows lack frames

    // for detection and classification
    FrameMap                   map;
    int                        input_width  = 0;
    int                        input_height = 0;

    THModel() : DNNModel() {}
    ~THModel();
};

inline THModel *th_model(const DNNModel *model)
{
    return static_cast<THModel *>(const_cast<DNNModel *>(model));
}

inline THTask *th_task(const LastLevelTaskItem *lltask)
{
    return static_cast<THTask *>(lltask->task);
}

/** @return how many frames the network sees at a time */
inline int nb_window_frames(const THModel &model)
{
    return model.window ? model.window->length() : 1;
}

/** @return what frames are made to, for detection and classification */
AVPixelFormat analytics_format(const THModel &model);

/**
 * @param outputs what the network returned for a batch of n
 * @return what the filter gets of it for number i
 * @throws std::runtime_error if it is nothing for the filter
 */
std::vector<at::Tensor> analytics_outputs(const THModel &model,
                                          const std::vector<at::Tensor> &outputs,
                                          int64_t n, int64_t i);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_BACKEND_H */
