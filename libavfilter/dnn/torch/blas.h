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
 * Whether a network waits for a slow BLAS library. LibTorch of a distribution
 * leaves products of matrices to the one that is installed, and that may be
 * the reference implementation, 10 to 30 times slower than others.
 */

#ifndef AVFILTER_DNN_TORCH_BLAS_H
#define AVFILTER_DNN_TORCH_BLAS_H

#include <chrono>

#include <ATen/record_function.h>

namespace fftorch {

/** Measures, while it exists, how its thread spends its time. */
class BlasMeter {
public:
    BlasMeter();
    ~BlasMeter();
    BlasMeter(const BlasMeter &) = delete;
    BlasMeter &operator=(const BlasMeter &) = delete;

    /** @return the part, 0 to 1, of the time so far that was spent in products of matrices */
    double share() const;

private:
    std::chrono::steady_clock::time_point start_;
    at::CallbackHandle        callback_;
    at::RecordFunctionGuard   enabled_;
};

/** Tried at the first call. @return whether BLAS is hardly faster than plain loops */
bool blas_is_slow();

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_BLAS_H */
