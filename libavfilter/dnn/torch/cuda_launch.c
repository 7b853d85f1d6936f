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

#include <stdio.h>

#include "libavutil/buffer.h"
#include "libavutil/error.h"
#include "libavutil/hwcontext.h"
#include "libavutil/hwcontext_cuda_internal.h"
#include "libavutil/mem.h"
#include "libavfilter/cuda/load_helper.h"
#include "cuda_launch.h"

enum { LOAD, STORE, CARRY, NB_KERNELS };

/** By width of the samples: 8 bits, 16 bits. */
static const char *const kernel_names[NB_KERNELS][2] = {
    [LOAD]  = { "Dnn_load_8",  "Dnn_load_16"  },
    [STORE] = { "Dnn_store_8", "Dnn_store_16" },
    [CARRY] = { "Dnn_carry_8", "Dnn_carry_16" },
};

struct DNNCudaLauncher {
    AVBufferRef         *device_ref;
    int                  retained;   ///< the primary context of device, by us
    CUdevice             device;
    AVCUDADeviceContext *hwctx;      ///< of device_ref
    CudaFunctions       *cu;         ///< of hwctx
    CUmodule             module;
    CUfunction           kernels[NB_KERNELS][2];
};

/** Judge what a function of CUDA returned. */
static int check(const CudaFunctions *cu, CUresult result, const char *call, DNNCudaError *error)
{
    const char *name = NULL, *text = NULL;

    if (result == CUDA_SUCCESS)
        return 0;
    cu->cuGetErrorName(result, &name);
    cu->cuGetErrorString(result, &text);
    snprintf(error->text, sizeof(error->text), "%s failed: %s (%s)", call,
             text ? text : "for an unknown reason", name ? name : "?");
    return AVERROR_EXTERNAL;
}

#define CHECK(call) check(cu, cu->call, #call, error)

/** Is the current context the primary one of the device? It is LibTorch's. */
static int check_context(const DNNCudaLauncher *launcher, int wanted, DNNCudaError *error)
{
    CudaFunctions *cu = launcher->cu;
    CUcontext primary;
    CUdevice device;
    int ret = CHECK(cuCtxGetDevice(&device));

    if (ret < 0)
        return ret;
    if (device != wanted) {
        snprintf(error->text, sizeof(error->text),
                 "the frames are on CUDA device %d, the network on %d: add device=cuda:%d",
                 device, wanted, device);
        return AVERROR(EINVAL);
    }

    ret = CHECK(cuDevicePrimaryCtxRetain(&primary, device));
    if (ret < 0)
        return ret;
    ret = CHECK(cuDevicePrimaryCtxRelease(device));
    if (ret < 0)
        return ret;
    if (primary != launcher->hwctx->cuda_ctx) {
        snprintf(error->text, sizeof(error->text),
                 "the frames are in a CUDA context of their own, LibTorch works in the primary one: "
                 "use -init_hw_device cuda=cu:%d,primary_ctx=1 -filter_hw_device cu, "
                 "and hwupload in place of hwupload_cuda", device);
        return AVERROR(EINVAL);
    }
    return 0;
}

static int load_kernels(DNNCudaLauncher *launcher, DNNCudaError *error)
{
    extern const unsigned char ff_cuda_kernels_ptx_data[];
    extern const unsigned int ff_cuda_kernels_ptx_len;
    CudaFunctions *cu = launcher->cu;
    int ret;

    ret = ff_cuda_load_module((AVHWDeviceContext *)launcher->device_ref->data, launcher->hwctx,
                              &launcher->module, ff_cuda_kernels_ptx_data,
                              ff_cuda_kernels_ptx_len);
    if (ret < 0) {
        snprintf(error->text, sizeof(error->text), "the kernels for CUDA frames cannot be loaded");
        return ret;
    }
    for (int i = 0; i < NB_KERNELS; i++)
        for (int wide = 0; wide < 2; wide++) {
            ret = CHECK(cuModuleGetFunction(&launcher->kernels[i][wide], launcher->module,
                                            kernel_names[i][wide]));
            if (ret < 0)
                return ret;
        }
    return 0;
}

/** Make a device_ref of our own, in the primary context. */
static int open_primary(DNNCudaLauncher *launcher, int index, DNNCudaError *error)
{
    AVCUDADeviceContext *hwctx;
    CudaFunctions *cu;
    int ret;

    launcher->device_ref = av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_CUDA);
    if (!launcher->device_ref)
        return AVERROR(ENOMEM);
    ret = av_hwdevice_ctx_init(launcher->device_ref);
    if (ret < 0) {
        snprintf(error->text, sizeof(error->text), "the driver's library cannot be loaded");
        return ret;
    }
    hwctx = ((AVHWDeviceContext *)launcher->device_ref->data)->hwctx;
    cu = hwctx->internal->cuda_dl;
    ret = CHECK(cuDeviceGet(&launcher->device, index));
    if (ret < 0)
        return ret;
    ret = CHECK(cuDevicePrimaryCtxRetain(&hwctx->cuda_ctx, launcher->device));
    launcher->retained = ret >= 0;
    return ret;
}

int ff_dnn_cuda_open(DNNCudaLauncher **launcher_out, AVBufferRef *device_ref, int device,
                     DNNCudaError *error)
{
    DNNCudaLauncher *launcher = av_mallocz(sizeof(*launcher));
    CudaFunctions *cu;
    CUcontext dummy;
    int ret;

    *launcher_out = NULL;
    snprintf(error->text, sizeof(error->text), "out of memory");
    if (!launcher)
        return AVERROR(ENOMEM);
    if (device_ref) {
        launcher->device_ref = av_buffer_ref(device_ref);
        ret = launcher->device_ref ? 0 : AVERROR(ENOMEM);
    } else {
        ret = open_primary(launcher, device, error);
    }
    if (ret < 0)
        goto fail;
    launcher->hwctx = ((AVHWDeviceContext *)launcher->device_ref->data)->hwctx;
    launcher->cu = cu = launcher->hwctx->internal->cuda_dl;

    ret = CHECK(cuCtxPushCurrent(launcher->hwctx->cuda_ctx));
    if (ret >= 0) {
        ret = check_context(launcher, device, error);
        if (ret >= 0)
            ret = load_kernels(launcher, error);
        cu->cuCtxPopCurrent(&dummy);
    }
    if (ret < 0)
        goto fail;
    *launcher_out = launcher;
    return 0;

fail:
    ff_dnn_cuda_close(&launcher);
    return ret;
}

void ff_dnn_cuda_close(DNNCudaLauncher **launcher_arg)
{
    DNNCudaLauncher *launcher = *launcher_arg;
    CUcontext dummy;

    if (!launcher)
        return;
    if (launcher->module &&
        launcher->cu->cuCtxPushCurrent(launcher->hwctx->cuda_ctx) == CUDA_SUCCESS) {
        launcher->cu->cuModuleUnload(launcher->module);
        launcher->cu->cuCtxPopCurrent(&dummy);
    }
    if (launcher->retained)
        launcher->cu->cuDevicePrimaryCtxRelease(launcher->device);
    av_buffer_unref(&launcher->device_ref);
    av_freep(launcher_arg);
}

void *ff_dnn_cuda_stream(const DNNCudaLauncher *launcher)
{
    return launcher->hwctx->stream;
}

static int launch(DNNCudaLauncher *launcher, int kernel, int wide, const void *parameters,
                  int width, int height, void *stream, DNNCudaError *error)
{
    CudaFunctions *cu = launcher->cu;
    void *arguments[] = { (void *)parameters };
    CUcontext dummy;
    int ret = CHECK(cuCtxPushCurrent(launcher->hwctx->cuda_ctx));

    if (ret < 0)
        return ret;
    ret = check(cu, cu->cuLaunchKernel(launcher->kernels[kernel][!!wide],
                                       (width  + DNN_CUDA_BLOCK_X - 1) / DNN_CUDA_BLOCK_X,
                                       (height + DNN_CUDA_BLOCK_Y - 1) / DNN_CUDA_BLOCK_Y, 1,
                                       DNN_CUDA_BLOCK_X, DNN_CUDA_BLOCK_Y, 1,
                                       0, stream, arguments, NULL),
                kernel_names[kernel][!!wide], error);
    cu->cuCtxPopCurrent(&dummy);
    return ret;
}

int ff_dnn_cuda_load(DNNCudaLauncher *launcher, const DNNCudaLoad *load, int wide,
                     void *stream, DNNCudaError *error)
{
    return launch(launcher, LOAD, wide, load, load->tensor.width, load->tensor.height,
                  stream, error);
}

int ff_dnn_cuda_store(DNNCudaLauncher *launcher, const DNNCudaStore *store, int wide,
                      void *stream, DNNCudaError *error)
{
    return launch(launcher, STORE, wide, store,
                  (store->tensor.width  + store->block_w - 1) / store->block_w,
                  (store->tensor.height + store->block_h - 1) / store->block_h, stream, error);
}

int ff_dnn_cuda_carry(DNNCudaLauncher *launcher, const DNNCudaCarry *carry, int wide,
                      void *stream, DNNCudaError *error)
{
    return launch(launcher, CARRY, wide, carry, carry->out.width, carry->out.height,
                  stream, error);
}
