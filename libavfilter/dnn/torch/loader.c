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
 * The LibTorch backend where it is a module of its own: its options, and how
 * the module is loaded when the first network is.
 *
 * Only one path is tried, and it is absolute: neither the working directory nor
 * LD_LIBRARY_PATH have a say in it.
 */

#include "config.h"

#if HAVE_SECURE_GETENV && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libavutil/avstring.h"
#include "libavutil/ffversion.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/thread.h"
#include "libavfilter/version_major.h"
#include "libavfilter/dnn/dnn_backend_common.h"
#include "module.h"
#include "options.h"

#define INSTALLED FFMPEG_SHLIBDIR "/ffmpeg/libavfilter" BUILDSUF "-dnn-torch" \
                  SLIBSUF "." AV_STRINGIFY(LIBAVFILTER_VERSION_MAJOR)
#define VARIABLE "FFMPEG_DNN_TORCH_MODULE"

static AVMutex mutex = AV_MUTEX_INITIALIZER;
static const DNNModule *backend; ///< what was loaded; for who holds the mutex

/** @return the module's absolute path, or NULL after a line that says why not */
static const char *find_module(void *log_ctx)
{
#if HAVE_SECURE_GETENV
    // for a build that is not installed; NULL in a program that has more rights
    // than the user who runs it
    const char *path = secure_getenv(VARIABLE);

    if (path && path[0] != '/') {
        av_log(log_ctx, AV_LOG_ERROR, VARIABLE "=%s is not an absolute path\n", path);
        return NULL;
    }
    if (path)
        return path;
#endif
    return INSTALLED;
}

/** @return whether a module is of the same build, else after a line that says why not */
static int check_module(void *log_ctx, const char *path, const DNNTorchModule *module)
{
    if (strcmp(module->version, FFMPEG_VERSION))
        av_log(log_ctx, AV_LOG_ERROR,
               "%s is of FFmpeg %s, this is %s: install the one of this FFmpeg\n",
               path, module->version, FFMPEG_VERSION);
    else if (module->context_size != sizeof(DnnContext) || module->model_size != sizeof(DNNModel))
        av_log(log_ctx, AV_LOG_ERROR,
               "%s is of another build of FFmpeg %s: install the one of this build\n",
               path, module->version);
    else if (module->log != av_log)
        // it would know neither the log level nor the callbacks that are set
        av_log(log_ctx, AV_LOG_ERROR, "%s has another libavutil than this program: "
               "link the program with FFmpeg's shared libraries\n", path);
    else
        return 1;
    return 0;
}

/** @return the backend of the module, or NULL after a line that says why not */
static const DNNModule *open_module(void *log_ctx)
{
    const char *path = find_module(log_ctx);
    const DNNTorchModule *module;
    void *handle;

    if (!path)
        return NULL;
    // Never closed: LibTorch has threads and handlers that would outlive its code.
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *reason = dlerror();

        // the path may be in front of the reason, or not
        if (reason && av_strstart(reason, path, &reason))
            reason += strspn(reason, ": ");
        if (access(path, F_OK) < 0)
            av_log(log_ctx, AV_LOG_ERROR,
                   "%s is not there: install FFmpeg's module for LibTorch\n", path);
        else
            av_log(log_ctx, AV_LOG_ERROR, "%s cannot be loaded: %s (it needs the LibTorch "
                   "that it was built with)\n", path, reason ? reason : "unknown reason");
        return NULL;
    }
    module = dlsym(handle, "avfilter_dnn_torch_module");
    if (!module) {
        av_log(log_ctx, AV_LOG_ERROR,
               "%s is not FFmpeg's module for LibTorch: install that\n", path);
        return NULL;
    }
    return check_module(log_ctx, path, module) ? module->backend : NULL;
}

static DNNModel *load_model(DnnContext *ctx, DNNFunctionType func_type, AVFilterContext *filter_ctx)
{
    const DNNModule *loaded;

    ff_mutex_lock(&mutex);
    if (!backend)
        backend = open_module(filter_ctx);
    loaded = backend;
    ff_mutex_unlock(&mutex);

    if (!loaded)
        return NULL;
    // all other calls go to the module itself
    ctx->dnn_module = loaded;
    return loaded->load_model(ctx, func_type, filter_ctx);
}

/** Called only where load_model() found no module, so there is no model. */
static void free_model(DNNModel **model)
{
}

const DNNModule ff_dnn_backend_torch = {
    .clazz      = DNN_DEFINE_CLASS_EXT(dnn_th, "dnn_th", ff_dnn_torch_options),
    .type       = DNN_TH,
    .load_model = load_model,
    .free_model = free_model,
};
