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
 * Rows of a frame's samples to rows of a tensor's elements and back, for the
 * CPU that runs.
 *
 * A sample s becomes the element (s - sub) / div. An element v becomes the
 * sample v * mul + add, which for integer samples is rounded to the nearest
 * and clipped to 0 and max; NaN becomes 0.
 */

#ifndef AVFILTER_DNN_TORCH_PIXELS_H
#define AVFILTER_DNN_TORCH_PIXELS_H

#include <cstddef>

namespace fftorch {

/** What a frame is made of; all in the byte order of the CPU. */
enum Sample { SAMPLE_U8, SAMPLE_U16, SAMPLE_F32, NB_SAMPLES };

/** What a tensor is made of. */
enum Element { ELEMENT_F32, ELEMENT_F16, ELEMENT_BF16, NB_ELEMENTS };

struct LoadMap {
    float sub, div;
};

struct StoreMap {
    float mul, add;
    float max;   ///< of an integer sample, before the shift
    int   shift; ///< left, of a SAMPLE_U16
};

/**
 * All work on n pixels. A step is the distance from pixel to pixel, in samples
 * or in elements; where there is none it is 1. Rows do not overlap.
 */
struct PixelKernels {
    /** samples to elements */
    void (*load[NB_SAMPLES][NB_ELEMENTS])(void *dst, const void *src, int n, LoadMap map);
    /** samples to floats, as they are */
    void (*gather[NB_SAMPLES])(float *dst, const void *src, int step, int n);
    /** pixels of three samples to three rows of floats */
    void (*load_packed3[NB_SAMPLES])(float *const dst[3], const void *src, int n,
                                     const LoadMap map[3]);
    /** floats to elements */
    void (*scatter[NB_ELEMENTS])(void *dst, ptrdiff_t step, const float *src, int n, LoadMap map);
    /** three rows of floats to pixels of three elements */
    void (*join3[NB_ELEMENTS])(void *dst, const float *const src[3], int n,
                               const LoadMap map[3]);

    /** elements to samples */
    void (*store[NB_SAMPLES][NB_ELEMENTS])(void *dst, const void *src, int n, StoreMap map);
    /** elements to floats, as they are */
    void (*pick[NB_ELEMENTS])(float *dst, const void *src, ptrdiff_t step, int n);
    /** floats to samples */
    void (*put[NB_SAMPLES])(void *dst, int step, const float *src, int n, StoreMap map);
    /** three rows of floats to pixels of three samples */
    void (*store_packed3[NB_SAMPLES])(void *dst, const float *const src[3], int n,
                                      const StoreMap map[3]);
};

/** @return the kernels that suit the CPU flags of libavutil */
const PixelKernels &pixel_kernels();

} // namespace fftorch

#endif /* AVFILTER_DNN_TORCH_PIXELS_H */
