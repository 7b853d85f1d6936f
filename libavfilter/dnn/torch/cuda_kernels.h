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
 * What the kernels of cuda_kernels.cu are told. For C, C++ and CUDA: all
 * see the same layout, and it includes nothing.
 */

#ifndef AVFILTER_DNN_TORCH_CUDA_KERNELS_H
#define AVFILTER_DNN_TORCH_CUDA_KERNELS_H

/** What a tensor is made of. */
enum DNNCudaElement { DNN_CUDA_F32, DNN_CUDA_F16, DNN_CUDA_BF16 };

/** The samples of a component, of 8 or of 16 bits. */
typedef struct DNNCudaPlane {
    unsigned long long data;      ///< address of the first one, 0: there is none
    long long          linesize;  ///< in bytes
    int                step;      ///< from pixel to pixel, in samples
    int                width, height;
    int                reserved;
} DNNCudaPlane;

/** A tensor [C, H, W]. */
typedef struct DNNCudaTensor {
    unsigned long long data;
    long long          stride_c, stride_h, stride_w; ///< in elements
    int                width, height;
    int                channels;  ///< 1 or 3
    int                element;   ///< a DNNCudaElement
} DNNCudaTensor;

/** Where to read a plane for pixel x: at x * step + offset, between its samples. */
typedef struct DNNCudaScale {
    float step_x, offset_x, step_y, offset_y;
} DNNCudaScale;

/**
 * Surface to tensor. The element is (v - sub) / div, where v is the sample as it
 * lies there or, of converted ones, red, green and blue from 0 to 255.
 */
typedef struct DNNCudaLoad {
    DNNCudaTensor tensor;
    DNNCudaPlane  planes[3];      ///< of each channel, or Y, U and V to convert
    DNNCudaScale  chroma;         ///< for the second and third of planes if subsampled
    int           x, y;           ///< of the tensor in the surface; beyond that, edges repeat
    int           subsampled;
    int           convert;        ///< whether matrix is applied
    float         matrix[3][4];   ///< to a channel, of three samples and 1
    float         sub[3], div[3]; ///< of each channel
} DNNCudaLoad;

/**
 * Tensor to surface, all of it. Each element becomes the value e * mul + add,
 * clipped to 0 and limit, NaN to 0; that is the sample, or matrix makes it.
 */
typedef struct DNNCudaStore {
    DNNCudaTensor tensor;
    DNNCudaPlane  planes[3];      ///< of each channel, or Y, U and V
    DNNCudaPlane  fill;           ///< of a component without meaning; set to max
    int           block_w, block_h;          ///< pixels of a chroma sample, 1 or 2
    int           tap_x, tap_y;              ///< first of the pixels it is made of, in the block
    float         weights_x[3], weights_y[3]; ///< of them
    int           convert;
    int           max;            ///< of a sample, before the shift
    int           shift;          ///< left, of a sample
    float         limit;
    float         matrix[3][4];   ///< to a sample, of three values and 1
    float         mul[3], add[3];
} DNNCudaStore;

/** A component that goes around the network, scaled. */
typedef struct DNNCudaCarry {
    DNNCudaPlane in, out;
    DNNCudaScale scale;           ///< from out to in
    int          max;             ///< of a sample, before the shift
    int          shift;           ///< left, of a sample
} DNNCudaCarry;

/** Threads of a block. */
enum { DNN_CUDA_BLOCK_X = 32, DNN_CUDA_BLOCK_Y = 8 };

#endif /* AVFILTER_DNN_TORCH_CUDA_KERNELS_H */
