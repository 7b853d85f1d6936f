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

#include "pixels.h"

#include <cstdint>
#include <type_traits>

extern "C" {
#include "libavutil/attributes.h"
#include "libavutil/cpu.h"
#include "libavutil/intfloat.h"
}

#if defined(__GNUC__) && !defined(__clang__)
// FFmpeg's configure turns the vectoriser of GCC before 13 off, and without
// no-trapping-math GCC keeps the comparisons of to_sample() as branches:
// together 14 ms for the 6.2 million samples of a 1080p frame instead of 2
#pragma GCC optimize("tree-vectorize", "no-trapping-math", "fp-contract=off")
#endif

namespace fftorch {
namespace {

// Plain loops that the compiler vectorises. Each is inlined once into a
// function for the baseline and once into one compiled for AVX2. Products and
// sums are not fused, so that every CPU gives the same bytes.

struct Half     { uint16_t bits; };
struct BFloat16 { uint16_t bits; };

/** The nearest element, the even one of two; without branches. */
av_always_inline void to_element(float &element, float value)
{
    element = value;
}

av_always_inline void to_element(Half &element, float value)
{
    const uint32_t bits  = av_float2int(value);
    const uint32_t plain = bits & 0x7fffffff;
    // the sum has the weight of a subnormal half as its last bit
    const uint32_t small = av_float2int(av_int2float(plain) + 0.5f) - av_float2int(0.5f);
    const uint32_t large = (plain + 0xfff + ((plain >> 13) & 1) - (112U << 23)) >> 13;
    uint32_t half = plain < 0x38800000 ? small : large;

    half = plain >= 0x477ff000 ? 0x7c00 : half;
    half = plain >  0x7f800000 ? 0x7e00 : half;
    element.bits = half | (bits >> 16 & 0x8000);
}

av_always_inline void to_element(BFloat16 &element, float value)
{
    const uint32_t bits    = av_float2int(value);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;

    element.bits = (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded;
}

av_always_inline float to_float(float element)
{
    return element;
}

av_always_inline float to_float(Half element)
{
    const uint32_t bits  = element.bits & 0x7fff;
    // 2^112 is what the exponents of a float and a half differ by
    const uint32_t finite = av_float2int(av_int2float(bits << 13) * 0x1p112f);
    const uint32_t value  = bits >= 0x7c00 ? 0x7f800000 | bits << 13 : finite;

    return av_int2float(value | static_cast<uint32_t>(element.bits & 0x8000) << 16);
}

av_always_inline float to_float(BFloat16 element)
{
    return av_int2float(static_cast<uint32_t>(element.bits) << 16);
}

av_always_inline float normalise(float sample, LoadMap map)
{
    return (sample - map.sub) / map.div;
}

av_always_inline int to_sample(float element, StoreMap map)
{
    float value = element * map.mul + map.add;

    value = value > 0.0f    ? value : 0.0f;
    value = value < map.max ? value : map.max;
    return value + 0.5f;
}

template <typename S>
av_always_inline void put_sample(S &sample, float element, StoreMap map)
{
    if constexpr (std::is_same_v<S, float>)
        sample = element * map.mul + map.add;
    else if constexpr (std::is_same_v<S, uint16_t>)
        sample = to_sample(element, map) << map.shift;
    else
        sample = to_sample(element, map);
}

template <typename S, typename T>
av_always_inline void load_loop(T *__restrict dst, const S *__restrict src, int n, LoadMap map)
{
    for (int i = 0; i < n; i++)
        to_element(dst[i], normalise(src[i], map));
}

template <typename S>
av_always_inline void gather_loop(float *__restrict dst, const S *__restrict src, int step, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] = src[i * step];
}

template <typename S>
av_always_inline void load_packed3_loop(float *__restrict d0, float *__restrict d1,
                                        float *__restrict d2, const S *__restrict src,
                                        int n, LoadMap m0, LoadMap m1, LoadMap m2)
{
    for (int i = 0; i < n; i++) {
        d0[i] = normalise(src[3 * i    ], m0);
        d1[i] = normalise(src[3 * i + 1], m1);
        d2[i] = normalise(src[3 * i + 2], m2);
    }
}

template <typename T>
av_always_inline void scatter_loop(T *__restrict dst, ptrdiff_t step,
                                   const float *__restrict src, int n, LoadMap map)
{
    for (int i = 0; i < n; i++)
        to_element(dst[i * step], normalise(src[i], map));
}

template <typename T>
av_always_inline void join3_loop(T *__restrict dst, const float *__restrict s0,
                                 const float *__restrict s1, const float *__restrict s2,
                                 int n, LoadMap m0, LoadMap m1, LoadMap m2)
{
    for (int i = 0; i < n; i++) {
        to_element(dst[3 * i    ], normalise(s0[i], m0));
        to_element(dst[3 * i + 1], normalise(s1[i], m1));
        to_element(dst[3 * i + 2], normalise(s2[i], m2));
    }
}

template <typename S, typename T>
av_always_inline void store_loop(S *__restrict dst, const T *__restrict src, int n, StoreMap map)
{
    int i = 0;

    if constexpr (!std::is_same_v<S, float>) {
        // in two steps, which GCC makes better code of than of one
        constexpr int block = 64;

        for (; i <= n - block; i += block) {
            int samples[block];
            for (int k = 0; k < block; k++)
                samples[k] = to_sample(to_float(src[i + k]), map);
            for (int k = 0; k < block; k++)
                dst[i + k] = std::is_same_v<S, uint16_t> ? samples[k] << map.shift : samples[k];
        }
    }
    for (; i < n; i++)
        put_sample(dst[i], to_float(src[i]), map);
}

template <typename T>
av_always_inline void pick_loop(float *__restrict dst, const T *__restrict src, ptrdiff_t step, int n)
{
    for (int i = 0; i < n; i++)
        dst[i] = to_float(src[i * step]);
}

template <typename S>
av_always_inline void put_loop(S *__restrict dst, int step, const float *__restrict src,
                               int n, StoreMap map)
{
    for (int i = 0; i < n; i++)
        put_sample(dst[i * step], src[i], map);
}

template <typename S>
av_always_inline void store_packed3_loop(S *__restrict dst, const float *__restrict s0,
                                         const float *__restrict s1, const float *__restrict s2,
                                         int n, StoreMap m0, StoreMap m1, StoreMap m2)
{
    for (int i = 0; i < n; i++) {
        put_sample(dst[3 * i    ], s0[i], m0);
        put_sample(dst[3 * i + 1], s1[i], m1);
        put_sample(dst[3 * i + 2], s2[i], m2);
    }
}

#define KERNELS(suffix, attributes)                                                           \
template <typename S, typename T>                                                             \
attributes void load_##suffix(void *dst, const void *src, int n, LoadMap map)                 \
{                                                                                             \
    load_loop(static_cast<T *>(dst), static_cast<const S *>(src), n, map);                    \
}                                                                                             \
template <typename S>                                                                         \
attributes void gather_##suffix(float *dst, const void *src, int step, int n)                 \
{                                                                                             \
    const S *samples = static_cast<const S *>(src);                                           \
                                                                                              \
    /* a constant step can be vectorised */                                                   \
    switch (step) {                                                                           \
    case 1:  gather_loop(dst, samples, 1, n); break;                                          \
    case 2:  gather_loop(dst, samples, 2, n); break;                                          \
    case 3:  gather_loop(dst, samples, 3, n); break;                                          \
    case 4:  gather_loop(dst, samples, 4, n); break;                                          \
    default: gather_loop(dst, samples, step, n);                                              \
    }                                                                                         \
}                                                                                             \
template <typename S>                                                                         \
attributes void load_packed3_##suffix(float *const dst[3], const void *src, int n,            \
                                      const LoadMap map[3])                                   \
{                                                                                             \
    load_packed3_loop(dst[0], dst[1], dst[2], static_cast<const S *>(src), n,                 \
                      map[0], map[1], map[2]);                                                \
}                                                                                             \
template <typename T>                                                                         \
attributes void scatter_##suffix(void *dst, ptrdiff_t step, const float *src, int n,          \
                                 LoadMap map)                                                 \
{                                                                                             \
    scatter_loop(static_cast<T *>(dst), step, src, n, map);                                   \
}                                                                                             \
template <typename T>                                                                         \
attributes void join3_##suffix(void *dst, const float *const src[3], int n,                   \
                               const LoadMap map[3])                                          \
{                                                                                             \
    join3_loop(static_cast<T *>(dst), src[0], src[1], src[2], n, map[0], map[1], map[2]);     \
}                                                                                             \
template <typename S, typename T>                                                             \
attributes void store_##suffix(void *dst, const void *src, int n, StoreMap map)               \
{                                                                                             \
    store_loop(static_cast<S *>(dst), static_cast<const T *>(src), n, map);                   \
}                                                                                             \
template <typename T>                                                                         \
attributes void pick_##suffix(float *dst, const void *src, ptrdiff_t step, int n)             \
{                                                                                             \
    const T *elements = static_cast<const T *>(src);                                          \
                                                                                              \
    if (step == 3)                                                                            \
        pick_loop(dst, elements, 3, n);                                                       \
    else                                                                                      \
        pick_loop(dst, elements, step, n);                                                    \
}                                                                                             \
template <typename S>                                                                         \
attributes void put_##suffix(void *dst, int step, const float *src, int n, StoreMap map)      \
{                                                                                             \
    put_loop(static_cast<S *>(dst), step, src, n, map);                                       \
}                                                                                             \
template <typename S>                                                                         \
attributes void store_packed3_##suffix(void *dst, const float *const src[3], int n,           \
                                       const StoreMap map[3])                                 \
{                                                                                             \
    store_packed3_loop(static_cast<S *>(dst), src[0], src[1], src[2], n,                      \
                       map[0], map[1], map[2]);                                               \
}                                                                                             \
constexpr PixelKernels kernels_##suffix = {                                                   \
    { { load_##suffix<uint8_t,  float>, load_##suffix<uint8_t,  Half>,                        \
        load_##suffix<uint8_t,  BFloat16> },                                                  \
      { load_##suffix<uint16_t, float>, load_##suffix<uint16_t, Half>,                        \
        load_##suffix<uint16_t, BFloat16> },                                                  \
      { load_##suffix<float,    float>, load_##suffix<float,    Half>,                        \
        load_##suffix<float,    BFloat16> } },                                                \
    { gather_##suffix<uint8_t>, gather_##suffix<uint16_t>, gather_##suffix<float> },          \
    { load_packed3_##suffix<uint8_t>, load_packed3_##suffix<uint16_t>,                        \
      load_packed3_##suffix<float> },                                                         \
    { scatter_##suffix<float>, scatter_##suffix<Half>, scatter_##suffix<BFloat16> },          \
    { join3_##suffix<float>, join3_##suffix<Half>, join3_##suffix<BFloat16> },                \
    { { store_##suffix<uint8_t,  float>, store_##suffix<uint8_t,  Half>,                      \
        store_##suffix<uint8_t,  BFloat16> },                                                 \
      { store_##suffix<uint16_t, float>, store_##suffix<uint16_t, Half>,                      \
        store_##suffix<uint16_t, BFloat16> },                                                 \
      { store_##suffix<float,    float>, store_##suffix<float,    Half>,                      \
        store_##suffix<float,    BFloat16> } },                                               \
    { pick_##suffix<float>, pick_##suffix<Half>, pick_##suffix<BFloat16> },                   \
    { put_##suffix<uint8_t>, put_##suffix<uint16_t>, put_##suffix<float> },                   \
    { store_packed3_##suffix<uint8_t>, store_packed3_##suffix<uint16_t>,                      \
      store_packed3_##suffix<float> },                                                        \
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
