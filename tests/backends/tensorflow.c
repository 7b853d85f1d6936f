/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stand-in for libtensorflow: what FFmpeg calls of it, with the network of
 * net.h. Its input is "x", its outputs are "y", "y1", "y2", …, and as in
 * TensorFlow a picture is [batch, height, width, channels].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tensorflow/c/c_api.h>
#include "net.h"

#define MAX_OUTPUTS 8

struct TF_Status {
    TF_Code code;
    char message[128];
};

struct TF_Tensor {
    TF_DataType type;
    int rank;
    int64_t dims[4];
    void *data;
};

struct TF_Operation {
    TF_Graph *graph;
};

struct TF_Graph {
    Net net;
    TF_Operation input, outputs[MAX_OUTPUTS];
};

struct TF_Session {
    TF_Graph *graph; ///< a copy: the one it was made of may be deleted first
};

struct TF_ImportGraphDefOptions { int unused; };
struct TF_SessionOptions { int unused; };

static void set_status(TF_Status *status, TF_Code code, const char *message)
{
    status->code = code;
    snprintf(status->message, sizeof(status->message), "%s", message);
}

const char *TF_Version(void) { return "stand-in"; }
TF_Status *TF_NewStatus(void) { return calloc(1, sizeof(TF_Status)); }
void TF_DeleteStatus(TF_Status *s) { free(s); }
TF_Code TF_GetCode(const TF_Status *s) { return s->code; }
const char *TF_Message(const TF_Status *s) { return s->message; }

TF_Buffer *TF_NewBuffer(void) { return calloc(1, sizeof(TF_Buffer)); }

void TF_DeleteBuffer(TF_Buffer *buffer)
{
    if (buffer->data_deallocator)
        buffer->data_deallocator((void *)buffer->data, buffer->length);
    free(buffer);
}

TF_Tensor *TF_AllocateTensor(TF_DataType type, const int64_t *dims, int num_dims, size_t len)
{
    TF_Tensor *tensor = calloc(1, sizeof(*tensor));

    if (!tensor || num_dims > 4)
        abort();
    tensor->type = type;
    tensor->rank = num_dims;
    memcpy(tensor->dims, dims, num_dims * sizeof(*dims));
    tensor->data = calloc(1, len ? len : 1);
    if (!tensor->data) {
        free(tensor);
        return NULL;
    }
    return tensor;
}

void TF_DeleteTensor(TF_Tensor *tensor)
{
    free(tensor->data);
    free(tensor);
}

void *TF_TensorData(const TF_Tensor *tensor) { return tensor->data; }
TF_DataType TF_TensorType(const TF_Tensor *tensor) { return tensor->type; }
int TF_NumDims(const TF_Tensor *tensor) { return tensor->rank; }

int64_t TF_Dim(const TF_Tensor *tensor, int i)
{
    if (i < 0 || i >= tensor->rank)
        return -12345; // TensorFlow returns what lies behind the shape
    return tensor->dims[i];
}

TF_Graph *TF_NewGraph(void) { return calloc(1, sizeof(TF_Graph)); }
void TF_DeleteGraph(TF_Graph *g) { free(g); }
TF_ImportGraphDefOptions *TF_NewImportGraphDefOptions(void) { return calloc(1, sizeof(TF_ImportGraphDefOptions)); }
void TF_DeleteImportGraphDefOptions(TF_ImportGraphDefOptions *opts) { free(opts); }

void TF_GraphImportGraphDef(TF_Graph *graph, const TF_Buffer *graph_def,
                            const TF_ImportGraphDefOptions *options, TF_Status *status)
{
    if (net_parse(&graph->net, graph_def->data, graph_def->length) < 0) {
        set_status(status, TF_INVALID_ARGUMENT, "Invalid GraphDef");
        return;
    }
    graph->input.graph = graph;
    for (int i = 0; i < MAX_OUTPUTS; i++)
        graph->outputs[i].graph = graph;
    set_status(status, TF_OK, "");
}

TF_Operation *TF_GraphOperationByName(TF_Graph *graph, const char *name)
{
    if (!strcmp(name, "x"))
        return &graph->input;
    if (!strcmp(name, "y"))
        return &graph->outputs[0];
    if (name[0] == 'y' && atoi(name + 1) > 0 && atoi(name + 1) < graph->net.nb_outputs)
        return &graph->outputs[atoi(name + 1)];
    return NULL;
}

TF_DataType TF_OperationOutputType(TF_Output output)
{
    switch (output.oper->graph->net.type) {
    case NET_U8:  return TF_UINT8;
    case NET_F16: return TF_HALF;
    default:      return TF_FLOAT;
    }
}

void TF_GraphGetTensorShape(TF_Graph *graph, TF_Output output, int64_t *dims, int num_dims,
                            TF_Status *status)
{
    if (num_dims != graph->net.rank) {
        set_status(status, TF_INVALID_ARGUMENT, "Wrong number of dimensions");
        return;
    }
    memcpy(dims, graph->net.dims, num_dims * sizeof(*dims));
    set_status(status, TF_OK, "");
}

TF_SessionOptions *TF_NewSessionOptions(void) { return calloc(1, sizeof(TF_SessionOptions)); }
void TF_DeleteSessionOptions(TF_SessionOptions *opts) { free(opts); }

void TF_SetConfig(TF_SessionOptions *options, const void *proto, size_t len, TF_Status *status)
{
    if (len && *(const char *)proto)
        set_status(status, TF_OK, "");
    else
        set_status(status, TF_INVALID_ARGUMENT, "Unparseable ConfigProto");
}

TF_Session *TF_NewSession(TF_Graph *graph, const TF_SessionOptions *opts, TF_Status *status)
{
    TF_Session *session = malloc(sizeof(*session));

    session->graph = malloc(sizeof(*graph));
    *session->graph = *graph;
    set_status(status, TF_OK, "");
    return session;
}

void TF_CloseSession(TF_Session *s, TF_Status *status) { set_status(status, TF_OK, ""); }

void TF_DeleteSession(TF_Session *s, TF_Status *status)
{
    free(s->graph);
    free(s);
    set_status(status, TF_OK, "");
}

static TF_Tensor *compute(const Net *net, const int64_t *dims, const float *input)
{
    int64_t shape[4];
    const int rank = net_output_shape(net, dims, shape);
    TF_Tensor *tensor = TF_AllocateTensor(TF_FLOAT, shape, rank,
                                          shape[0] * shape[1] * shape[2] * shape[3] * sizeof(float));

    net_compute(net, dims, input, tensor->data);
    return tensor;
}

/** As the networks of TensorFlow's object detection: number, scores, classes, corners. */
static TF_Tensor *detect(const Net *net, int sample, const TF_Operation *oper)
{
    static const int ranks[4] = { 1, 2, 2, 3 };
    const int which = oper - oper->graph->outputs;
    const int64_t shape[4] = { 1, net->boxes, 4 };
    const int size = which == 0 ? 1 : which == 3 ? net->boxes * 4 : net->boxes;
    TF_Tensor *tensor = TF_AllocateTensor(TF_FLOAT, shape, ranks[which], size * sizeof(float));
    float *data = tensor->data;

    for (int i = 0; i < size; i++)
        data[i] = which == 0 ? net->boxes : which == 1 ? 0.9f : which == 2 ? sample
                             : 0.1f + 0.2f * (i % 4) + 0.01f * (i / 4);
    return tensor;
}

void TF_SessionRun(TF_Session *session, const TF_Buffer *run_options,
                   const TF_Output *inputs, TF_Tensor *const *input_values, int ninputs,
                   const TF_Output *outputs, TF_Tensor **output_values, int noutputs,
                   const TF_Operation *const *target_opers, int ntargets,
                   TF_Buffer *run_metadata, TF_Status *status)
{
    const Net *net = &session->graph->net;
    const TF_Tensor *in = input_values[0];
    const int size = in->dims[0] * in->dims[1] * in->dims[2] * in->dims[3];
    float *input = malloc(size * sizeof(*input));
    int sample;

    for (int i = 0; i < size; i++)
        input[i] = in->type == TF_UINT8 ? ((uint8_t *)in->data)[i] / 255.f : ((float *)in->data)[i];
    for (int i = 0; i < noutputs; i++)
        output_values[i] = NULL;
    sample = net_sample(input);
    if (net_wait(net, sample) < 0) {
        set_status(status, TF_INTERNAL, "the stand-in fails");
        free(input);
        return;
    }
    for (int i = 0; i < noutputs; i++)
        output_values[i] = net->output == NET_BOXES ? detect(net, sample, outputs[i].oper)
                                                    : compute(net, in->dims, input);
    free(input);
    set_status(status, TF_OK, "");
}
