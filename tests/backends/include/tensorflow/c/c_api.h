/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What FFmpeg uses of TensorFlow's C API, for the stand-in in tensorflow.c. */
#ifndef TESTS_BACKENDS_TF_C_API_H
#define TESTS_BACKENDS_TF_C_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct TF_Graph TF_Graph;
typedef struct TF_ImportGraphDefOptions TF_ImportGraphDefOptions;
typedef struct TF_Operation TF_Operation;
typedef struct TF_Session TF_Session;
typedef struct TF_SessionOptions TF_SessionOptions;
typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;

typedef enum TF_Code { TF_OK = 0, TF_INVALID_ARGUMENT = 3, TF_INTERNAL = 13 } TF_Code;
typedef enum TF_DataType { TF_FLOAT = 1, TF_UINT8 = 4, TF_HALF = 19 } TF_DataType;

typedef struct TF_Buffer {
    const void *data;
    size_t length;
    void (*data_deallocator)(void *data, size_t length);
} TF_Buffer;

typedef struct TF_Output {
    TF_Operation *oper;
    int index;
} TF_Output;

const char *TF_Version(void);

TF_Status *TF_NewStatus(void);
void TF_DeleteStatus(TF_Status *s);
TF_Code TF_GetCode(const TF_Status *s);
const char *TF_Message(const TF_Status *s);

TF_Buffer *TF_NewBuffer(void);
void TF_DeleteBuffer(TF_Buffer *buffer);

TF_Tensor *TF_AllocateTensor(TF_DataType type, const int64_t *dims, int num_dims, size_t len);
void TF_DeleteTensor(TF_Tensor *tensor);
void *TF_TensorData(const TF_Tensor *tensor);
TF_DataType TF_TensorType(const TF_Tensor *tensor);
int TF_NumDims(const TF_Tensor *tensor);
int64_t TF_Dim(const TF_Tensor *tensor, int dim_index);

TF_Graph *TF_NewGraph(void);
void TF_DeleteGraph(TF_Graph *g);
TF_ImportGraphDefOptions *TF_NewImportGraphDefOptions(void);
void TF_DeleteImportGraphDefOptions(TF_ImportGraphDefOptions *opts);
void TF_GraphImportGraphDef(TF_Graph *graph, const TF_Buffer *graph_def,
                            const TF_ImportGraphDefOptions *options, TF_Status *status);
TF_Operation *TF_GraphOperationByName(TF_Graph *graph, const char *oper_name);
TF_DataType TF_OperationOutputType(TF_Output oper_out);
void TF_GraphGetTensorShape(TF_Graph *graph, TF_Output output, int64_t *dims, int num_dims,
                            TF_Status *status);

TF_SessionOptions *TF_NewSessionOptions(void);
void TF_DeleteSessionOptions(TF_SessionOptions *opts);
void TF_SetConfig(TF_SessionOptions *options, const void *proto, size_t proto_len, TF_Status *status);
TF_Session *TF_NewSession(TF_Graph *graph, const TF_SessionOptions *opts, TF_Status *status);
void TF_CloseSession(TF_Session *s, TF_Status *status);
void TF_DeleteSession(TF_Session *s, TF_Status *status);
void TF_SessionRun(TF_Session *session, const TF_Buffer *run_options,
                   const TF_Output *inputs, TF_Tensor *const *input_values, int ninputs,
                   const TF_Output *outputs, TF_Tensor **output_values, int noutputs,
                   const TF_Operation *const *target_opers, int ntargets,
                   TF_Buffer *run_metadata, TF_Status *status);

#endif
