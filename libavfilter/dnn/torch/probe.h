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
 * What a network takes and returns: told by its file, or by a trial run.
 */

#ifndef AVFILTER_DNN_TORCH_PROBE_H
#define AVFILTER_DNN_TORCH_PROBE_H

#include <cstdint>
#include <string>

#include "backend.h"

namespace fftorch {

/** @return the channels of one frame that the network takes, 0 if unknown */
int64_t net_channels(const THModel &model);

/** @return a line on what to do when a network takes other channels than there are */
std::string channel_mismatch(int64_t net, int64_t available, const std::string &whose);

/**
 * Detection and classification: warm the network up, and tell early what is
 * wrong with it. Its input has the size of the model.
 *
 * @return 0, or an AVERROR code after a line that says why
 */
int prepare_analytics(THModel &model);

// Callbacks of DNNModel.
int get_input(DNNModel *model, DNNData *input, const char *input_name);
/** The input for detection: of the size that was asked for, or the frames'. */
int get_detect_input(DNNModel *model, DNNData *input, const char *input_name);
/** A trial run finds the size of the output, and warms the network up. */
int get_output(DNNModel *model, const char *input_name, int input_width, int input_height,
               const char *output_name, int *output_width, int *output_height);

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_PROBE_H */
