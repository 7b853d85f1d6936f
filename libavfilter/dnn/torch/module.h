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
 * What the module with the LibTorch backend shows to libavfilter, where
 * libavfilter is not linked with LibTorch (--enable-libtorch-module).
 */

#ifndef AVFILTER_DNN_TORCH_MODULE_H
#define AVFILTER_DNN_TORCH_MODULE_H

#include <stddef.h>

#include "libavfilter/dnn_interface.h"

/**
 * The module uses private structs, so it fits the libavfilter of the same build
 * alone. All but the last member are there to find that out.
 */
typedef struct DNNTorchModule {
    const char *version;  ///< FFMPEG_VERSION; the first member in all versions
    size_t context_size;  ///< of DnnContext
    size_t model_size;    ///< of DNNModel
    void (*log)(void *avcl, int level, const char *fmt, ...); ///< av_log
    const DNNModule *backend;
} DNNTorchModule;

/** The only symbol of the module. libavfilter's rules for symbols let it out. */
extern const DNNTorchModule avfilter_dnn_torch_module;

#endif /* AVFILTER_DNN_TORCH_MODULE_H */
