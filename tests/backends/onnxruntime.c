/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stand-in for libonnxruntime: what FFmpeg calls of it, with the network of
 * net.h. Its input is "x", its outputs are "y", "y1", "y2", …
 */
#include <stdlib.h>
#include <string.h>

#include <onnxruntime_c_api.h>
#include "net.h"

struct OrtStatus { const char *message; };
struct OrtEnv { int unused; };
struct OrtSessionOptions { int unused; };
struct OrtMemoryInfo { int unused; };
struct OrtSession { Net net; };

struct OrtTensorTypeAndShapeInfo {
    ONNXTensorElementDataType type;
    int rank;
    int64_t dims[4];
};
struct OrtTypeInfo { OrtTensorTypeAndShapeInfo tensor; };

struct OrtValue {
    OrtTensorTypeAndShapeInfo info;
    float *data, *own;
};

static OrtStatus *error(const char *message)
{
    OrtStatus *status = malloc(sizeof(*status));

    status->message = message;
    return status;
}

#define MAKE(var) ((*(var) = calloc(1, sizeof(**(var)))) ? NULL : error("no memory"))

static OrtStatus *create_env(OrtLoggingLevel level, const char *id, OrtEnv **env) { return MAKE(env); }
static void release_env(OrtEnv *env) { free(env); }
static const char *get_error_message(const OrtStatus *status) { return status->message; }
static void release_status(OrtStatus *status) { free(status); }
static OrtStatus *create_session_options(OrtSessionOptions **options) { return MAKE(options); }
static void release_session_options(OrtSessionOptions *options) { free(options); }
static OrtStatus *set_threads(OrtSessionOptions *options, int threads) { return NULL; }
static OrtStatus *set_level(OrtSessionOptions *options, GraphOptimizationLevel level) { return NULL; }

static OrtStatus *append_cuda(OrtSessionOptions *options, const OrtCUDAProviderOptions *cuda)
{
    return error("no such provider");
}

static OrtStatus *append_provider(OrtSessionOptions *options, const char *name,
                                  const char *const *keys, const char *const *values, size_t n)
{
    return error("no such provider");
}

static OrtStatus *create_session(const OrtEnv *env, const char *path,
                                 const OrtSessionOptions *options, OrtSession **session)
{
    Net net;

    if (net_read(&net, path) < 0)
        return error("no such model");
    *session = malloc(sizeof(**session));
    (*session)->net = net;
    return NULL;
}

static void release_session(OrtSession *session) { free(session); }

static void free_name(OrtAllocator *allocator, void *p) { free(p); }

static OrtStatus *get_allocator(OrtAllocator **allocator)
{
    static OrtAllocator only = { free_name };

    *allocator = &only;
    return NULL;
}

static OrtStatus *get_input_count(const OrtSession *session, size_t *count)
{
    *count = 1;
    return NULL;
}

static OrtStatus *get_output_count(const OrtSession *session, size_t *count)
{
    *count = session->net.nb_outputs;
    return NULL;
}

static OrtStatus *get_input_name(const OrtSession *session, size_t index,
                                 OrtAllocator *allocator, char **name)
{
    *name = strdup("x");
    return NULL;
}

static OrtStatus *get_output_name(const OrtSession *session, size_t index,
                                  OrtAllocator *allocator, char **name)
{
    char output[3] = { 'y', index ? '0' + index : 0 };

    *name = strdup(output);
    return NULL;
}

static OrtStatus *get_input_type_info(const OrtSession *session, size_t index, OrtTypeInfo **info)
{
    static const ONNXTensorElementDataType types[] = {
        [NET_F32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        [NET_U8]  = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        [NET_F16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
    };
    OrtStatus *status = MAKE(info);

    if (status)
        return status;
    (*info)->tensor.type = types[session->net.type];
    (*info)->tensor.rank = session->net.rank;
    memcpy((*info)->tensor.dims, session->net.dims, sizeof(session->net.dims));
    return NULL;
}

static OrtStatus *cast_type_info(const OrtTypeInfo *info, const OrtTensorTypeAndShapeInfo **tensor_info)
{
    *tensor_info = &info->tensor;
    return NULL;
}

static void release_type_info(OrtTypeInfo *info) { free(info); }

static OrtStatus *get_dimensions_count(const OrtTensorTypeAndShapeInfo *info, size_t *count)
{
    *count = info->rank;
    return NULL;
}

static OrtStatus *get_dimensions(const OrtTensorTypeAndShapeInfo *info, int64_t *dims, size_t count)
{
    memcpy(dims, info->dims, count * sizeof(*dims));
    return NULL;
}

static OrtStatus *get_element_type(const OrtTensorTypeAndShapeInfo *info, ONNXTensorElementDataType *type)
{
    *type = info->type;
    return NULL;
}

static OrtStatus *get_type_and_shape(const OrtValue *value, OrtTensorTypeAndShapeInfo **info)
{
    OrtStatus *status = MAKE(info);

    if (!status)
        **info = value->info;
    return status;
}

static void release_shape_info(OrtTensorTypeAndShapeInfo *info) { free(info); }

static OrtStatus *get_data(OrtValue *value, void **data)
{
    *data = value->data;
    return NULL;
}

static OrtStatus *create_memory_info(OrtAllocatorType type, OrtMemType mem_type, OrtMemoryInfo **info)
{
    return MAKE(info);
}

static void release_memory_info(OrtMemoryInfo *info) { free(info); }

static OrtStatus *create_tensor(const OrtMemoryInfo *info, void *data, size_t size,
                                const int64_t *dims, size_t rank,
                                ONNXTensorElementDataType type, OrtValue **value)
{
    OrtStatus *status = MAKE(value);

    if (status)
        return status;
    (*value)->info.type = type;
    (*value)->info.rank = rank;
    memcpy((*value)->info.dims, dims, rank * sizeof(*dims));
    (*value)->data = data;
    return NULL;
}

static void release_value(OrtValue *value)
{
    free(value->own);
    free(value);
}

static OrtStatus *run(OrtSession *session, const OrtRunOptions *options,
                      const char *const *input_names, const OrtValue *const *inputs, size_t nb_inputs,
                      const char *const *output_names, size_t nb_outputs, OrtValue **outputs)
{
    const Net *net = &session->net;
    const OrtTensorTypeAndShapeInfo *in = &inputs[0]->info;
    int64_t shape[4];
    int rank;

    for (int i = 0; i < 4; i++)
        if (net->dims[i] >= 0 && net->dims[i] != in->dims[i])
            return error("Got invalid dimensions for input x");
    if (net_wait(net, net_sample(inputs[0]->data)) < 0)
        return error("the stand-in fails");
    rank = net_output_shape(net, in->dims, shape);
    for (size_t i = 0; i < nb_outputs; i++) {
        float *data = malloc(shape[0] * shape[1] * shape[2] * shape[3] * sizeof(*data));

        net_compute(net, in->dims, inputs[0]->data, data);
        create_tensor(NULL, data, 0, shape, rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &outputs[i]);
        outputs[i]->own = data;
    }
    return NULL;
}

static const OrtApi api = {
    .CreateEnv = create_env,
    .ReleaseEnv = release_env,
    .GetErrorMessage = get_error_message,
    .ReleaseStatus = release_status,
    .CreateSessionOptions = create_session_options,
    .ReleaseSessionOptions = release_session_options,
    .SetIntraOpNumThreads = set_threads,
    .SetSessionGraphOptimizationLevel = set_level,
    .SessionOptionsAppendExecutionProvider_CUDA = append_cuda,
    .SessionOptionsAppendExecutionProvider = append_provider,
    .CreateSession = create_session,
    .ReleaseSession = release_session,
    .GetAllocatorWithDefaultOptions = get_allocator,
    .SessionGetInputCount = get_input_count,
    .SessionGetOutputCount = get_output_count,
    .SessionGetInputName = get_input_name,
    .SessionGetOutputName = get_output_name,
    .SessionGetInputTypeInfo = get_input_type_info,
    .CastTypeInfoToTensorInfo = cast_type_info,
    .ReleaseTypeInfo = release_type_info,
    .GetDimensionsCount = get_dimensions_count,
    .GetDimensions = get_dimensions,
    .GetTensorElementType = get_element_type,
    .GetTensorTypeAndShape = get_type_and_shape,
    .ReleaseTensorTypeAndShapeInfo = release_shape_info,
    .GetTensorMutableData = get_data,
    .CreateCpuMemoryInfo = create_memory_info,
    .ReleaseMemoryInfo = release_memory_info,
    .CreateTensorWithDataAsOrtValue = create_tensor,
    .ReleaseValue = release_value,
    .Run = run,
};

static const OrtApi *get_api(uint32_t version) { return version == ORT_API_VERSION ? &api : NULL; }

const OrtApiBase *OrtGetApiBase(void)
{
    static const OrtApiBase base = { get_api };

    return &base;
}
