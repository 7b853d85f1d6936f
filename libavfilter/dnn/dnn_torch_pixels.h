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
 * Rows of 8-bit samples to float samples and back, for the CPU that runs.
 *
 * A sample s is s / 255 as float. Back, a float is scaled, rounded to the
 * nearest and clipped; NaN becomes 0.
 */

#ifndef AVFILTER_DNN_DNN_TORCH_PIXELS_H
#define AVFILTER_DNN_DNN_TORCH_PIXELS_H

#include <cstdint>

namespace fftorch {

struct PixelKernels {
    /** n samples to n floats */
    void (*load)(float *dst, const uint8_t *src, int n);
    /** n pixels of three samples to three rows of n floats */
    void (*load_packed3)(float *const dst[3], const uint8_t *src, int n);
    /** n floats to n samples */
    void (*store)(uint8_t *dst, const float *src, int n);
    /** three rows of n floats to n pixels of three samples */
    void (*store_packed3)(uint8_t *dst, const float *const src[3], int n);
};

/** @return the kernels that suit the CPU flags of libavutil */
const PixelKernels &pixel_kernels();

} // namespace fftorch

#endif /* AVFILTER_DNN_DNN_TORCH_PIXELS_H */
