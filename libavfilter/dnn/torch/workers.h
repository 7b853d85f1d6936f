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
 * How many workers there are, their threads, and the requests that go to them.
 */

#ifndef AVFILTER_DNN_TORCH_WORKERS_H
#define AVFILTER_DNN_TORCH_WORKERS_H

#include "backend.h"

namespace fftorch {

/** @return how many threads may run a network at a time, whatever it is like */
int max_workers(const DnnContext *ctx, c10::Device device);

/** Decide how many workers there are, and how many threads each computes with. */
void plan_workers(THModel &model);

/**
 * Start the threads, or prepare for the filter thread to do their work; does
 * nothing if that is done. For the network that is prepared: what it is like may
 * change the plan.
 *
 * @return 0, or an AVERROR code after a line that says why
 */
int start_workers(THModel &model);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_WORKERS_H */
