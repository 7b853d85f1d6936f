/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What FFmpeg uses of ONNX Runtime's C API, for the stand-in in onnxruntime.c. */
#ifndef TESTS_BACKENDS_ONNXRUNTIME_C_API_H
#define TESTS_BACKENDS_ONNXRUNTIME_C_API_H

#include <stddef.h>
#include <stdint.h>

#define ORT_API_VERSION 1

typedef struct OrtEnv OrtEnv;
typedef struct OrtStatus OrtStatus;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtValue OrtValue;
typedef struct OrtCUDAProviderOptions { int device_id; } OrtCUDAProviderOptions;

typedef struct OrtAllocator {
    void (*Free)(struct OrtAllocator *allocator, void *p);
} OrtAllocator;

typedef enum { ORT_LOGGING_LEVEL_WARNING = 2 } OrtLoggingLevel;
typedef enum { ORT_ENABLE_ALL = 99 } GraphOptimizationLevel;
typedef enum { ORT_SEQUENTIAL } ExecutionMode;
typedef enum { OrtArenaAllocator = 1 } OrtAllocatorType;
typedef enum { OrtMemTypeDefault } OrtMemType;
typedef enum ONNXTensorElementDataType {
    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 = 2,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 = 10,
} ONNXTensorElementDataType;

typedef struct OrtApi {
    OrtStatus *(*CreateEnv)(OrtLoggingLevel level, const char *id, OrtEnv **env);
    void (*ReleaseEnv)(OrtEnv *env);
    const char *(*GetErrorMessage)(const OrtStatus *status);
    void (*ReleaseStatus)(OrtStatus *status);
    OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **options);
    void (*ReleaseSessionOptions)(OrtSessionOptions *options);
    OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *options, int threads);
    OrtStatus *(*SetSessionGraphOptimizationLevel)(OrtSessionOptions *options, GraphOptimizationLevel level);
    OrtStatus *(*SessionOptionsAppendExecutionProvider_CUDA)(OrtSessionOptions *options,
                                                             const OrtCUDAProviderOptions *cuda);
    OrtStatus *(*SessionOptionsAppendExecutionProvider)(OrtSessionOptions *options, const char *name,
                                                        const char *const *keys,
                                                        const char *const *values, size_t n);
    OrtStatus *(*CreateSession)(const OrtEnv *env, const char *path,
                                const OrtSessionOptions *options, OrtSession **session);
    void (*ReleaseSession)(OrtSession *session);
    OrtStatus *(*GetAllocatorWithDefaultOptions)(OrtAllocator **allocator);
    OrtStatus *(*SessionGetInputCount)(const OrtSession *session, size_t *count);
    OrtStatus *(*SessionGetOutputCount)(const OrtSession *session, size_t *count);
    OrtStatus *(*SessionGetInputName)(const OrtSession *session, size_t index,
                                      OrtAllocator *allocator, char **name);
    OrtStatus *(*SessionGetOutputName)(const OrtSession *session, size_t index,
                                       OrtAllocator *allocator, char **name);
    OrtStatus *(*SessionGetInputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **info);
    OrtStatus *(*CastTypeInfoToTensorInfo)(const OrtTypeInfo *info,
                                           const OrtTensorTypeAndShapeInfo **tensor_info);
    void (*ReleaseTypeInfo)(OrtTypeInfo *info);
    OrtStatus *(*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *count);
    OrtStatus *(*GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *dims, size_t count);
    OrtStatus *(*GetTensorElementType)(const OrtTensorTypeAndShapeInfo *info,
                                       ONNXTensorElementDataType *type);
    OrtStatus *(*GetTensorTypeAndShape)(const OrtValue *value, OrtTensorTypeAndShapeInfo **info);
    void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo *info);
    OrtStatus *(*GetTensorMutableData)(OrtValue *value, void **data);
    OrtStatus *(*CreateCpuMemoryInfo)(OrtAllocatorType type, OrtMemType mem_type, OrtMemoryInfo **info);
    void (*ReleaseMemoryInfo)(OrtMemoryInfo *info);
    OrtStatus *(*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *info, void *data, size_t size,
                                                 const int64_t *dims, size_t rank,
                                                 ONNXTensorElementDataType type, OrtValue **value);
    void (*ReleaseValue)(OrtValue *value);
    OrtStatus *(*Run)(OrtSession *session, const OrtRunOptions *options,
                      const char *const *input_names, const OrtValue *const *inputs, size_t nb_inputs,
                      const char *const *output_names, size_t nb_outputs, OrtValue **outputs);
} OrtApi;

typedef struct OrtApiBase {
    const OrtApi *(*GetApi)(uint32_t version);
} OrtApiBase;

const OrtApiBase *OrtGetApiBase(void);

#endif
