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

#include "backend.h"

#include <stdexcept>
#include <string>

#include "options.h"

namespace fftorch {

THModel::~THModel()
{
    // no thread touches a task from here on
    ff_dnn_worker_pool_free(&pool);

    while (ff_queue_size(task_queue))
        delete static_cast<THTask *>(ff_queue_pop_front(task_queue));
    ff_queue_destroy(task_queue);
    ff_queue_destroy(lltask_queue);
}

AVPixelFormat analytics_format(const THModel &model)
{
    const bool gray = model.pixel_options.color == COLOR_Y ||
                      (model.pixel_options.color == COLOR_AUTO && model.net->channels() == 1);

    return gray ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
}

std::vector<at::Tensor> analytics_outputs(const THModel &model,
                                          const std::vector<at::Tensor> &outputs,
                                          int64_t n, int64_t i)
{
    if (model.func_type == DFT_ANALYTICS_CLASSIFY && outputs.size() != 1)
        throw std::runtime_error("it returned " + std::to_string(outputs.size()) +
                                 " tensors instead of one with a value for each class");
    return outputs_of_one(outputs, n, i);
}

} // namespace fftorch
