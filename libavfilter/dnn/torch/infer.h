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
 * What a worker does with a batch of tasks: frames in, network, frames out.
 */

#ifndef AVFILTER_DNN_TORCH_INFER_H
#define AVFILTER_DNN_TORCH_INFER_H

#include <cstddef>

#include "backend.h"

namespace fftorch {

/**
 * Run tasks and publish how each of them ended. For the thread of that worker.
 * A failure of one costs none of the others: they run again without it.
 */
void run_tasks(THModel &model, THWorker &worker, THTask *const *tasks, size_t nb_tasks) noexcept;

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_INFER_H */
