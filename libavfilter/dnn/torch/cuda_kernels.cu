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
 * Surfaces of a CUDA device to tensors and back, in one step each. Where no
 * colour is converted the arithmetic is that of pixels.cpp, to the
 * last bit.
 *
 * It is also compiled for the CPU, by its test.
 */

#include "cuda_kernels.h"

#ifdef DNN_CUDA_ON_HOST
#define DEVICE static inline
#else
#define DEVICE static __inline__ __device__
#endif

/** Not to be fused with a sum, which would round once less than the CPU does. */
DEVICE float product(float a, float b)
{
#ifdef DNN_CUDA_ON_HOST
    return a * b;
#else
    float result;
    asm("mul.rn.f32 %0, %1, %2;" : "=f"(result) : "f"(a), "f"(b));
    return result;
#endif
}

union Bits {
    float        value;
    unsigned int bits;
};

DEVICE unsigned int bits_of(float value)
{
    Bits both;
    both.value = value;
    return both.bits;
}

DEVICE float value_of(unsigned int bits)
{
    Bits both;
    both.bits = bits;
    return both.value;
}

/** The nearest half, the even one of two. */
DEVICE unsigned short to_half(float value)
{
    const unsigned int bits  = bits_of(value);
    const unsigned int plain = bits & 0x7fffffff;
    const unsigned int sign  = bits >> 16 & 0x8000;

    if (plain > 0x7f800000)
        return sign | 0x7e00;
    if (plain >= 0x477ff000)
        return sign | 0x7c00;
    if (plain < 0x38800000) // the sum has the weight of a subnormal half as its last bit
        return sign | (bits_of(value_of(plain) + 0.5f) - bits_of(0.5f));
    return sign | (plain + 0xfff + (plain >> 13 & 1) - (112U << 23)) >> 13;
}

DEVICE float from_half(unsigned short half)
{
    const unsigned int bits = half & 0x7fff;
    const unsigned int sign = static_cast<unsigned int>(half & 0x8000) << 16;

    if (bits >= 0x7c00)
        return value_of(sign | 0x7f800000 | bits << 13);
    // 2^112 is what the exponents of a float and a half differ by
    return value_of(sign | bits_of(value_of(bits << 13) * 5192296858534827628530496329220096.0f));
}

DEVICE unsigned short to_bfloat16(float value)
{
    const unsigned int bits = bits_of(value);

    if ((bits & 0x7fffffff) > 0x7f800000)
        return 0x7fc0;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

DEVICE void put_element(const DNNCudaTensor &tensor, int c, int x, int y, float value)
{
    const long long at = c * tensor.stride_c + y * tensor.stride_h + x * tensor.stride_w;

    if (tensor.element == DNN_CUDA_F32)
        reinterpret_cast<float *>(tensor.data)[at] = value;
    else
        reinterpret_cast<unsigned short *>(tensor.data)[at] =
            tensor.element == DNN_CUDA_F16 ? to_half(value) : to_bfloat16(value);
}

DEVICE float get_element(const DNNCudaTensor &tensor, int c, int x, int y)
{
    const long long at = c * tensor.stride_c + y * tensor.stride_h + x * tensor.stride_w;

    if (tensor.element == DNN_CUDA_F32)
        return reinterpret_cast<const float *>(tensor.data)[at];

    const unsigned short bits = reinterpret_cast<const unsigned short *>(tensor.data)[at];
    return tensor.element == DNN_CUDA_F16 ? from_half(bits)
                                          : value_of(static_cast<unsigned int>(bits) << 16);
}

/** @return what lies between 0 and end - 1 and is the nearest */
DEVICE int within(int position, int end)
{
    return position < 0 ? 0 : position < end ? position : end - 1;
}

DEVICE float clip(float value, float limit)
{
    value = value > 0.0f  ? value : 0.0f; // NaN, too
    value = value < limit ? value : limit;
    return value;
}

template <typename S>
DEVICE S *sample(const DNNCudaPlane &plane, int x, int y)
{
    return reinterpret_cast<S *>(plane.data + y * plane.linesize) + x * plane.step;
}

template <typename S>
DEVICE float get_sample(const DNNCudaPlane &plane, int x, int y)
{
    return *sample<const S>(plane, within(x, plane.width), within(y, plane.height));
}

template <typename S>
DEVICE void put_sample(const DNNCudaPlane &plane, int x, int y, float value, int max, int shift)
{
    *sample<S>(plane, x, y) = static_cast<int>(clip(value, max) + 0.5f) << shift;
}

/** @param x, y from -1 on */
template <typename S>
DEVICE float get_between(const DNNCudaPlane &plane, float x, float y)
{
    const int left = static_cast<int>(x + 1.0f) - 1, top = static_cast<int>(y + 1.0f) - 1;
    const float right = x - left, down = y - top;

    return (get_sample<S>(plane, left, top)         * (1.0f - right) +
            get_sample<S>(plane, left + 1, top)     * right) * (1.0f - down) +
           (get_sample<S>(plane, left, top + 1)     * (1.0f - right) +
            get_sample<S>(plane, left + 1, top + 1) * right) * down;
}

DEVICE float apply(const float row[4], const float v[3])
{
    return row[0] * v[0] + row[1] * v[1] + row[2] * v[2] + row[3];
}

/** A pixel of the tensor. */
template <typename S>
DEVICE void load_pixel(const DNNCudaLoad &p, int x, int y)
{
    const int n = p.convert ? 3 : p.tensor.channels;
    const int from_x = within(p.x + x, p.planes[0].width);
    const int from_y = within(p.y + y, p.planes[0].height);
    float v[3] = { 0, 0, 0 };

    for (int c = 0; c < n; c++)
        v[c] = c && p.subsampled
            ? get_between<S>(p.planes[c], from_x * p.chroma.step_x + p.chroma.offset_x,
                             from_y * p.chroma.step_y + p.chroma.offset_y)
            : get_sample<S>(p.planes[c], from_x, from_y);
    for (int c = 0; c < p.tensor.channels; c++) {
        const float value = p.convert ? clip(apply(p.matrix[c], v), 255.0f) : v[c];
        put_element(p.tensor, c, x, y, (value - p.sub[c]) / p.div[c]);
    }
}

DEVICE float get_value(const DNNCudaStore &p, int c, int x, int y)
{
    const float element = get_element(p.tensor, c, within(x, p.tensor.width),
                                      within(y, p.tensor.height));

    return clip(product(element, p.mul[c]) + p.add[c], p.limit);
}

/** A block of pixels, those of a chroma sample. */
template <typename S>
DEVICE void store_block(const DNNCudaStore &p, int block_x, int block_y)
{
    const int n = p.tensor.channels;
    const bool subsampled = p.block_w * p.block_h > 1;
    const int from_x = block_x * p.block_w, from_y = block_y * p.block_h;
    float v[3] = { 0, 0, 0 };

    for (int i = 0; i < p.block_w * p.block_h; i++) {
        const int x = from_x + i % p.block_w, y = from_y + i / p.block_w;
        if (x >= p.tensor.width || y >= p.tensor.height)
            continue;
        for (int c = 0; c < n; c++)
            v[c] = get_value(p, c, x, y);
        for (int c = 0; c < (subsampled ? 1 : n); c++)
            put_sample<S>(p.planes[c], x, y, p.convert ? apply(p.matrix[c], v) : v[c],
                          p.max, p.shift);
        if (p.fill.data)
            put_sample<S>(p.fill, x, y, p.max, p.max, p.shift);
    }
    if (!subsampled)
        return;

    v[0] = v[1] = v[2] = 0;
    for (int i = 0; i < 9; i++) {
        const float weight = p.weights_x[i % 3] * p.weights_y[i / 3];
        if (weight == 0)
            continue;
        for (int c = 0; c < n; c++)
            v[c] += get_value(p, c, from_x + p.tap_x + i % 3, from_y + p.tap_y + i / 3) * weight;
    }
    for (int c = 1; c < n; c++)
        put_sample<S>(p.planes[c], block_x, block_y, p.convert ? apply(p.matrix[c], v) : v[c],
                      p.max, p.shift);
}

template <typename S>
DEVICE void pass_sample(const DNNCudaCarry &p, int x, int y)
{
    const float value = get_between<S>(p.in, x * p.scale.step_x + p.scale.offset_x,
                                       y * p.scale.step_y + p.scale.offset_y);

    put_sample<S>(p.out, x, y, value / (1 << p.shift), p.max, p.shift);
}

#ifndef DNN_CUDA_ON_HOST

#define KERNEL(name, Parameters, function, width, height)      \
extern "C" __global__ void name(Parameters p)                  \
{                                                              \
    const int x = blockIdx.x * blockDim.x + threadIdx.x;       \
    const int y = blockIdx.y * blockDim.y + threadIdx.y;       \
                                                               \
    if (x < (width) && y < (height))                           \
        function(p, x, y);                                     \
}

#define BLOCKS(length, block) (((length) + (block) - 1) / (block))

KERNEL(Dnn_load_8,   DNNCudaLoad,  load_pixel<unsigned char>,  p.tensor.width, p.tensor.height)
KERNEL(Dnn_load_16,  DNNCudaLoad,  load_pixel<unsigned short>, p.tensor.width, p.tensor.height)
KERNEL(Dnn_store_8,  DNNCudaStore, store_block<unsigned char>,
       BLOCKS(p.tensor.width, p.block_w), BLOCKS(p.tensor.height, p.block_h))
KERNEL(Dnn_store_16, DNNCudaStore, store_block<unsigned short>,
       BLOCKS(p.tensor.width, p.block_w), BLOCKS(p.tensor.height, p.block_h))
KERNEL(Dnn_carry_8,  DNNCudaCarry, pass_sample<unsigned char>,  p.out.width, p.out.height)
KERNEL(Dnn_carry_16, DNNCudaCarry, pass_sample<unsigned short>, p.out.width, p.out.height)

#endif
