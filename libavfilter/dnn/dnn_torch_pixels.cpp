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

#include "dnn_torch_pixels.h"

extern "C" {
#include "libavutil/attributes.h"
#include "libavutil/cpu.h"
}

#if defined(__GNUC__) && !defined(__clang__)
// FFmpeg's configure turns the vectoriser of GCC before 13 off, and without
// the other GCC keeps the comparisons of to_sample() as branches: together 14
// ms for the 6.2 million samples of a 1080p frame instead of 2
#pragma GCC optimize("tree-vectorize", "no-trapping-math")
#endif

namespace fftorch {
namespace {

// Plain loops that the compiler vectorises. Each is inlined once into a
// function for the baseline and once into one compiled for AVX2. FMA stays
// off there, so that every CPU gives the same bytes.

av_always_inline int to_sample(float value)
{
    value *= 255.0f;
    value  = value > 0.0f   ? value : 0.0f;
    value  = value < 255.0f ? value : 255.0f;
    return value + 0.5f;
}

av_always_inline void load_loop(float *__restrict dst,
                                const uint8_t *__restrict src, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] = src[i] / 255.0f;
}

av_always_inline void load_packed3_loop(float *__restrict d0,
                                        float *__restrict d1,
                                        float *__restrict d2,
                                        const uint8_t *__restrict src, int n)
{
    for (int i = 0; i < n; i++) {
        d0[i] = src[3 * i    ] / 255.0f;
        d1[i] = src[3 * i + 1] / 255.0f;
        d2[i] = src[3 * i + 2] / 255.0f;
    }
}

av_always_inline void store_loop(uint8_t *__restrict dst,
                                 const float *__restrict src, int n)
{
    // in two steps, which GCC makes better code of than of one
    constexpr int block = 64;
    int i = 0;

    for (; i <= n - block; i += block) {
        int samples[block];
        for (int k = 0; k < block; k++)
            samples[k] = to_sample(src[i + k]);
        for (int k = 0; k < block; k++)
            dst[i + k] = samples[k];
    }
    for (; i < n; i++)
        dst[i] = to_sample(src[i]);
}

av_always_inline void store_packed3_loop(uint8_t *__restrict dst,
                                         const float *__restrict s0,
                                         const float *__restrict s1,
                                         const float *__restrict s2, int n)
{
    for (int i = 0; i < n; i++) {
        dst[3 * i    ] = to_sample(s0[i]);
        dst[3 * i + 1] = to_sample(s1[i]);
        dst[3 * i + 2] = to_sample(s2[i]);
    }
}

#define KERNELS(suffix, attributes)                                           \
attributes void load_##suffix(float *dst, const uint8_t *src, int n)          \
{                                                                             \
    load_loop(dst, src, n);                                                   \
}                                                                             \
attributes void load_packed3_##suffix(float *const dst[3],                    \
                                      const uint8_t *src, int n)              \
{                                                                             \
    load_packed3_loop(dst[0], dst[1], dst[2], src, n);                        \
}                                                                             \
attributes void store_##suffix(uint8_t *dst, const float *src, int n)         \
{                                                                             \
    store_loop(dst, src, n);                                                  \
}                                                                             \
attributes void store_packed3_##suffix(uint8_t *dst,                          \
                                       const float *const src[3], int n)      \
{                                                                             \
    store_packed3_loop(dst, src[0], src[1], src[2], n);                       \
}                                                                             \
constexpr PixelKernels kernels_##suffix = {                                   \
    load_##suffix, load_packed3_##suffix,                                     \
    store_##suffix, store_packed3_##suffix,                                   \
};

KERNELS(baseline, )

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define HAVE_AVX2_KERNELS 1
KERNELS(avx2, __attribute__((target("avx2"))))
#endif

} // namespace

const PixelKernels &pixel_kernels()
{
#ifdef HAVE_AVX2_KERNELS
    if (av_get_cpu_flags() & AV_CPU_FLAG_AVX2)
        return kernels_avx2;
#endif
    return kernels_baseline;
}

} // namespace fftorch
