/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stand-in for libopenvino_c: what FFmpeg calls of it, with the network of
 * net.h. Its input is "x", its outputs are "y", "y1", "y2", …
 *
 * As in OpenVINO a completion callback is called whether the inference failed or
 * not, in a thread of the library, before the request is ready: who waits for
 * the request in the callback waits for ever. The error is only told by
 * ov_infer_request_wait_for().
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openvino/c/openvino.h>
#include "net.h"

struct ov_core { int unused; };

/** The network and what is done before and after it. */
struct ov_model {
    Net net;
    ov_element_type_e input_type, output_type; ///< of the tensors
    float mean, scale;
    int tensor_nhwc; ///< layouts, -1: not said
    int model_nhwc;
};

struct ov_compiled_model { ov_model_t model; };
struct ov_layout { int nhwc; };

struct ov_output_const_port {
    const ov_model_t *model;
    int output; ///< -1: the input
};

/** All the infos of pre-processing change the model that is built in the end. */
struct ov_preprocess_prepostprocessor { ov_model_t *model; };
struct ov_preprocess_input_info { ov_model_t *model; };
struct ov_preprocess_input_tensor_info { ov_model_t *model; };
struct ov_preprocess_input_model_info { ov_model_t *model; };
struct ov_preprocess_preprocess_steps { ov_model_t *model; };
struct ov_preprocess_output_info { ov_model_t *model; };
struct ov_preprocess_output_tensor_info { ov_model_t *model; };

typedef struct Memory {
    int users;
    char data[];
} Memory;

struct ov_tensor {
    ov_element_type_e type;
    int rank;
    int64_t dims[4];
    Memory *memory;
};

struct ov_infer_request {
    ov_model_t model;
    ov_tensor_t input;
    ov_tensor_t outputs[8];
    const ov_callback_t *callback;
    pthread_mutex_t mutex;
    pthread_cond_t ready_cond;
    pthread_t thread;
    int has_thread, running, ready, failed;
};

static size_t count(const int64_t *dims, int rank)
{
    size_t n = 1;

    for (int i = 0; i < rank; i++)
        n *= dims[i];
    return n;
}

static size_t size_of(ov_element_type_e type) { return type == F32 ? 4 : type == U8 ? 1 : 2; }

static void *copy_of(const void *what, size_t size)
{
    void *copy = malloc(size);

    if (!copy)
        abort();
    return memcpy(copy, what, size);
}

#define NEW(var, ...) (*(var) = copy_of(&(__typeof__(**(var)))__VA_ARGS__, sizeof(**(var))), OK)

ov_status_e ov_get_openvino_version(ov_version_t *version)
{
    version->buildNumber = strdup("stand-in");
    version->description = strdup("stand-in");
    return OK;
}

void ov_version_free(ov_version_t *version)
{
    free((char *)version->buildNumber);
    free((char *)version->description);
}

void ov_free(const char *content) { free((char *)content); }

ov_status_e ov_core_create(ov_core_t **core) { return NEW(core, { 0 }); }
void ov_core_free(ov_core_t *core) { free(core); }

ov_status_e ov_core_read_model(const ov_core_t *core, const char *path, const char *bin_path,
                               ov_model_t **model)
{
    static const ov_element_type_e types[] = { [NET_F32] = F32, [NET_U8] = U8, [NET_F16] = F16 };
    ov_model_t read = { .output_type = F32, .scale = 1, .tensor_nhwc = -1, .model_nhwc = -1 };

    if (net_read(&read.net, path) < 0)
        return GENERAL_ERROR;
    read.input_type = types[read.net.type];
    *model = copy_of(&read, sizeof(read));
    return OK;
}

ov_status_e ov_core_compile_model(const ov_core_t *core, const ov_model_t *model,
                                  const char *device, const size_t nb_properties,
                                  ov_compiled_model_t **compiled, ...)
{
    if (strcmp(device, "CPU"))
        return GENERAL_ERROR;
    return NEW(compiled, { .model = *model });
}

ov_status_e ov_shape_free(ov_shape_t *shape)
{
    free(shape->dims);
    shape->dims = NULL;
    shape->rank = 0;
    return OK;
}

static ov_status_e make_shape(const int64_t *dims, int rank, ov_shape_t *shape)
{
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return GENERAL_ERROR; // dynamic
    shape->rank = rank;
    shape->dims = copy_of(dims, rank * sizeof(*dims));
    return OK;
}

ov_status_e ov_partial_shape_create(const int64_t rank, const ov_dimension_t *dims,
                                    ov_partial_shape_t *shape)
{
    shape->rank = (ov_rank_t){ rank, rank };
    shape->dims = copy_of(dims, rank * sizeof(*dims));
    return OK;
}

ov_status_e ov_shape_to_partial_shape(const ov_shape_t shape, ov_partial_shape_t *partial)
{
    ov_dimension_t dims[4];

    for (int i = 0; i < shape.rank; i++)
        dims[i] = (ov_dimension_t){ shape.dims[i], shape.dims[i] };
    return ov_partial_shape_create(shape.rank, dims, partial);
}

void ov_partial_shape_free(ov_partial_shape_t *shape)
{
    free(shape->dims);
    shape->dims = NULL;
}

/** Whether the tensor has the network's input with channels and sizes exchanged. */
static int is_permuted(const ov_model_t *model)
{
    return model->model_nhwc == 0 && model->tensor_nhwc == 1;
}

static void tensor_dims(const ov_model_t *model, int64_t dims[4])
{
    memcpy(dims, model->net.dims, sizeof(model->net.dims));
    if (is_permuted(model)) {
        dims[1] = model->net.dims[2];
        dims[2] = model->net.dims[3];
        dims[3] = model->net.dims[1];
    }
}

ov_status_e ov_model_const_input(const ov_model_t *model, ov_output_const_port_t **port)
{
    return NEW(port, { model, -1 });
}

ov_status_e ov_model_const_input_by_name(const ov_model_t *model, const char *name,
                                         ov_output_const_port_t **port)
{
    return strcmp(name, "x") ? NOT_FOUND : ov_model_const_input(model, port);
}

ov_status_e ov_model_const_output_by_index(const ov_model_t *model, const size_t index,
                                           ov_output_const_port_t **port)
{
    if (index >= model->net.nb_outputs)
        return OUT_OF_BOUNDS;
    return NEW(port, { model, index });
}

static int output_by_name(const ov_model_t *model, const char *name)
{
    const int index = !strcmp(name, "y") ? 0 : name[0] == 'y' && atoi(name + 1) > 0 ? atoi(name + 1) : 8;

    return index < model->net.nb_outputs ? index : -1;
}

ov_status_e ov_model_const_output_by_name(const ov_model_t *model, const char *name,
                                          ov_output_const_port_t **port)
{
    const int index = output_by_name(model, name);

    return index < 0 ? NOT_FOUND : ov_model_const_output_by_index(model, index, port);
}

ov_status_e ov_model_outputs_size(const ov_model_t *model, size_t *size)
{
    *size = model->net.nb_outputs;
    return OK;
}

ov_status_e ov_model_reshape_single_input(const ov_model_t *model, const ov_partial_shape_t shape)
{
    if (shape.rank.max != model->net.rank)
        return GENERAL_ERROR;
    for (int i = 0; i < model->net.rank; i++)
        ((ov_model_t *)model)->net.dims[i] = shape.dims[i].max;
    return OK;
}

void ov_model_free(ov_model_t *model) { free(model); }

ov_status_e ov_const_port_get_shape(const ov_output_const_port_t *port, ov_shape_t *shape)
{
    int64_t dims[4];

    tensor_dims(port->model, dims);
    return port->output < 0 ? make_shape(dims, port->model->net.rank, shape)
                            : NOT_IMPLEMENTED;
}

ov_status_e ov_port_get_any_name(const ov_output_const_port_t *port, char **name)
{
    char output[3] = { 'y', port->output > 0 ? '0' + port->output : 0 };

    *name = strdup(port->output < 0 ? "x" : output);
    return OK;
}

ov_status_e ov_port_get_element_type(const ov_output_const_port_t *port, ov_element_type_e *type)
{
    *type = port->output < 0 ? port->model->input_type : port->model->output_type;
    return OK;
}

void ov_output_const_port_free(ov_output_const_port_t *port) { free(port); }

ov_status_e ov_compiled_model_create_infer_request(const ov_compiled_model_t *compiled,
                                                   ov_infer_request_t **request)
{
    ov_infer_request_t *made = calloc(1, sizeof(*made));

    made->model = compiled->model;
    made->ready = 1;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->ready_cond, NULL);
    *request = made;
    return OK;
}

void ov_compiled_model_free(ov_compiled_model_t *compiled) { free(compiled); }

static void release(ov_tensor_t *tensor)
{
    if (tensor->memory && !__atomic_sub_fetch(&tensor->memory->users, 1, __ATOMIC_ACQ_REL))
        free(tensor->memory);
    tensor->memory = NULL;
}

static void share(ov_tensor_t *to, const ov_tensor_t *from)
{
    release(to);
    *to = *from;
    if (to->memory)
        __atomic_add_fetch(&to->memory->users, 1, __ATOMIC_ACQ_REL);
}

static void allocate(ov_tensor_t *tensor)
{
    const size_t size = count(tensor->dims, tensor->rank) * size_of(tensor->type);

    release(tensor);
    tensor->memory = malloc(sizeof(Memory) + size);
    if (!tensor->memory)
        abort();
    tensor->memory->users = 1;
}

/** The input tensor in floats and the network's layout. */
static float *prepare(const ov_model_t *model, const ov_tensor_t *tensor)
{
    const size_t n = count(tensor->dims, tensor->rank);
    const int64_t *dims = tensor->dims;
    float *input = malloc(n * sizeof(*input));

    for (size_t i = 0; i < n; i++) {
        const float value = tensor->type == U8 ? ((uint8_t *)tensor->memory->data)[i]
                                               : ((float *)tensor->memory->data)[i];
        size_t to = i;

        if (is_permuted(model)) {
            const size_t pixel = i / dims[3];
            const size_t area = dims[1] * dims[2];

            to = (pixel / area * dims[3] + i % dims[3]) * area + pixel % area;
        }
        input[to] = (value - model->mean) / model->scale;
    }
    return input;
}

/** @return 0, or -1 if it fails */
static int run(ov_infer_request_t *request)
{
    const ov_model_t *model = &request->model;
    float *input = prepare(model, &request->input);
    // what it is in the frame, whatever mean and scale
    const int sample = (int)(input[0] * model->scale + model->mean + 0.5f);
    int ret = net_wait(&model->net, sample);

    for (int i = 0; i < model->net.nb_outputs && !ret; i++) {
        ov_tensor_t *output = &request->outputs[i];
        float *floats;
        size_t n;

        output->type = model->output_type;
        output->rank = net_output_shape(&model->net, model->net.dims, output->dims);
        allocate(output);
        n = count(output->dims, output->rank);
        floats = malloc(n * sizeof(*floats));
        if (model->net.output == NET_PICTURE && model->scale == 1)
            for (size_t j = 0; j < count(model->net.dims, 4); j++)
                input[j] /= 255;
        else if (model->net.output != NET_PICTURE)
            input[0] = sample / 255.f;
        net_compute(&model->net, model->net.dims, input, floats);
        for (size_t j = 0; j < n; j++)
            if (output->type == U8)
                ((uint8_t *)output->memory->data)[j] = floats[j] * 255 + 0.5f;
            else
                ((float *)output->memory->data)[j] = floats[j];
        free(floats);
    }
    if (net_is(model->net.lose, sample))
        for (int i = 0; i < model->net.nb_outputs; i++)
            release(&request->outputs[i]);
    free(input);
    return ret;
}

static void *run_async(void *arg)
{
    ov_infer_request_t *request = arg;
    const int failed = run(request) < 0;
    const ov_callback_t *callback;

    pthread_mutex_lock(&request->mutex);
    request->running = 0;
    callback = request->callback;
    pthread_mutex_unlock(&request->mutex);
    if (callback)
        callback->callback_func(callback->args);

    pthread_mutex_lock(&request->mutex);
    request->failed = failed;
    request->ready = 1;
    pthread_cond_broadcast(&request->ready_cond);
    pthread_mutex_unlock(&request->mutex);
    return NULL;
}

static int is_running(ov_infer_request_t *request)
{
    int running;

    pthread_mutex_lock(&request->mutex);
    running = request->running;
    pthread_mutex_unlock(&request->mutex);
    return running;
}

ov_status_e ov_infer_request_set_input_tensor(ov_infer_request_t *request, const ov_tensor_t *tensor)
{
    int64_t dims[4];

    if (is_running(request))
        return REQUEST_BUSY;
    tensor_dims(&request->model, dims);
    if (tensor->rank != request->model.net.rank || memcmp(tensor->dims, dims, tensor->rank * sizeof(*dims)))
        return PARAMETER_MISMATCH;
    share(&request->input, tensor);
    return OK;
}

ov_status_e ov_infer_request_get_tensor_by_const_port(const ov_infer_request_t *request,
                                                      const ov_output_const_port_t *port,
                                                      ov_tensor_t **tensor)
{
    if (is_running((ov_infer_request_t *)request))
        return REQUEST_BUSY;
    if (!request->outputs[port->output].memory)
        return GENERAL_ERROR;
    *tensor = calloc(1, sizeof(**tensor));
    share(*tensor, &request->outputs[port->output]);
    return OK;
}

ov_status_e ov_infer_request_infer(ov_infer_request_t *request)
{
    if (is_running(request))
        return REQUEST_BUSY;
    return run(request) < 0 ? GENERAL_ERROR : OK;
}

ov_status_e ov_infer_request_start_async(ov_infer_request_t *request)
{
    const uint8_t *data = (uint8_t *)request->input.memory->data;
    pthread_t before;
    int join, busy;

    if (request->input.type == U8 && net_is(request->model.net.refuse, data[0]))
        return GENERAL_ERROR;
    pthread_mutex_lock(&request->mutex);
    busy = request->running;
    if (!busy) {
        request->running = 1;
        request->ready = 0;
    }
    join = request->has_thread;
    before = request->thread;
    pthread_mutex_unlock(&request->mutex);
    if (busy)
        return REQUEST_BUSY;
    if (join && !busy)
        pthread_join(before, NULL);
    request->has_thread = 0;
    if (request->model.net.at_once) {
        run_async(request);
        return OK;
    }
    request->has_thread = 1;
    return pthread_create(&request->thread, NULL, run_async, request) ? GENERAL_ERROR : OK;
}

ov_status_e ov_infer_request_wait(ov_infer_request_t *request)
{
    pthread_mutex_lock(&request->mutex);
    while (!request->ready)
        pthread_cond_wait(&request->ready_cond, &request->mutex);
    pthread_mutex_unlock(&request->mutex);
    return OK;
}

ov_status_e ov_infer_request_wait_for(ov_infer_request_t *request, const int64_t timeout)
{
    ov_status_e status;

    if (timeout > 0)
        ov_infer_request_wait(request);
    pthread_mutex_lock(&request->mutex);
    status = request->ready && request->failed ? GENERAL_ERROR : OK;
    pthread_mutex_unlock(&request->mutex);
    return status;
}

ov_status_e ov_infer_request_set_callback(ov_infer_request_t *request, const ov_callback_t *callback)
{
    if (is_running(request))
        return REQUEST_BUSY;
    request->callback = callback;
    return OK;
}

void ov_infer_request_free(ov_infer_request_t *request)
{
    if (request->has_thread)
        pthread_join(request->thread, NULL);
    release(&request->input);
    for (int i = 0; i < 8; i++)
        release(&request->outputs[i]);
    pthread_cond_destroy(&request->ready_cond);
    pthread_mutex_destroy(&request->mutex);
    free(request);
}

ov_status_e ov_tensor_create(const ov_element_type_e type, const ov_shape_t shape, ov_tensor_t **tensor)
{
    ov_tensor_t *made;

    if (!shape.dims)
        return INVALID_C_PARAM;
    made = calloc(1, sizeof(*made));
    made->type = type;
    made->rank = shape.rank;
    memcpy(made->dims, shape.dims, shape.rank * sizeof(*shape.dims));
    allocate(made);
    *tensor = made;
    return OK;
}

ov_status_e ov_tensor_data(const ov_tensor_t *tensor, void **data)
{
    *data = tensor->memory->data;
    return OK;
}

ov_status_e ov_tensor_get_shape(const ov_tensor_t *tensor, ov_shape_t *shape)
{
    return make_shape(tensor->dims, tensor->rank, shape);
}

void ov_tensor_free(ov_tensor_t *tensor)
{
    release(tensor);
    free(tensor);
}

ov_status_e ov_layout_create(const char *desc, ov_layout_t **layout)
{
    return NEW(layout, { !strcmp(desc, "NHWC") });
}

void ov_layout_free(ov_layout_t *layout) { free(layout); }

ov_status_e ov_preprocess_prepostprocessor_create(const ov_model_t *model,
                                                  ov_preprocess_prepostprocessor_t **preprocess)
{
    return NEW(preprocess, { copy_of(model, sizeof(*model)) });
}

void ov_preprocess_prepostprocessor_free(ov_preprocess_prepostprocessor_t *preprocess)
{
    free(preprocess->model);
    free(preprocess);
}

ov_status_e ov_preprocess_prepostprocessor_build(const ov_preprocess_prepostprocessor_t *preprocess,
                                                 ov_model_t **model)
{
    *model = copy_of(preprocess->model, sizeof(**model));
    return OK;
}

ov_status_e ov_preprocess_prepostprocessor_get_input_info(
    const ov_preprocess_prepostprocessor_t *preprocess, ov_preprocess_input_info_t **info)
{
    return NEW(info, { preprocess->model });
}

ov_status_e ov_preprocess_prepostprocessor_get_input_info_by_name(
    const ov_preprocess_prepostprocessor_t *preprocess, const char *name,
    ov_preprocess_input_info_t **info)
{
    return strcmp(name, "x") ? NOT_FOUND
                             : ov_preprocess_prepostprocessor_get_input_info(preprocess, info);
}

ov_status_e ov_preprocess_prepostprocessor_get_output_info_by_index(
    const ov_preprocess_prepostprocessor_t *preprocess, const size_t index,
    ov_preprocess_output_info_t **info)
{
    if (index >= preprocess->model->net.nb_outputs)
        return OUT_OF_BOUNDS;
    return NEW(info, { preprocess->model });
}

ov_status_e ov_preprocess_prepostprocessor_get_output_info_by_name(
    const ov_preprocess_prepostprocessor_t *preprocess, const char *name,
    ov_preprocess_output_info_t **info)
{
    if (output_by_name(preprocess->model, name) < 0)
        return NOT_FOUND;
    return NEW(info, { preprocess->model });
}

ov_status_e ov_preprocess_input_info_get_tensor_info(const ov_preprocess_input_info_t *info,
                                                     ov_preprocess_input_tensor_info_t **tensor_info)
{
    return NEW(tensor_info, { info->model });
}

ov_status_e ov_preprocess_input_info_get_model_info(const ov_preprocess_input_info_t *info,
                                                    ov_preprocess_input_model_info_t **model_info)
{
    return NEW(model_info, { info->model });
}

ov_status_e ov_preprocess_input_info_get_preprocess_steps(const ov_preprocess_input_info_t *info,
                                                          ov_preprocess_preprocess_steps_t **steps)
{
    return NEW(steps, { info->model });
}

void ov_preprocess_input_info_free(ov_preprocess_input_info_t *info) { free(info); }

ov_status_e ov_preprocess_input_tensor_info_set_layout(ov_preprocess_input_tensor_info_t *info,
                                                       ov_layout_t *layout)
{
    info->model->tensor_nhwc = layout->nhwc;
    return OK;
}

ov_status_e ov_preprocess_input_tensor_info_set_element_type(ov_preprocess_input_tensor_info_t *info,
                                                             const ov_element_type_e type)
{
    info->model->input_type = type;
    return OK;
}

void ov_preprocess_input_tensor_info_free(ov_preprocess_input_tensor_info_t *info) { free(info); }

ov_status_e ov_preprocess_input_model_info_set_layout(ov_preprocess_input_model_info_t *info,
                                                      ov_layout_t *layout)
{
    info->model->model_nhwc = layout->nhwc;
    return OK;
}

void ov_preprocess_input_model_info_free(ov_preprocess_input_model_info_t *info) { free(info); }

ov_status_e ov_preprocess_preprocess_steps_convert_element_type(ov_preprocess_preprocess_steps_t *steps,
                                                                const ov_element_type_e type)
{
    return type == F32 ? OK : NOT_IMPLEMENTED;
}

ov_status_e ov_preprocess_preprocess_steps_mean(ov_preprocess_preprocess_steps_t *steps, float value)
{
    steps->model->mean = value;
    return OK;
}

ov_status_e ov_preprocess_preprocess_steps_scale(ov_preprocess_preprocess_steps_t *steps, float value)
{
    steps->model->scale = value;
    return OK;
}

void ov_preprocess_preprocess_steps_free(ov_preprocess_preprocess_steps_t *steps) { free(steps); }

ov_status_e ov_preprocess_output_info_get_tensor_info(const ov_preprocess_output_info_t *info,
                                                      ov_preprocess_output_tensor_info_t **tensor_info)
{
    return NEW(tensor_info, { info->model });
}

void ov_preprocess_output_info_free(ov_preprocess_output_info_t *info) { free(info); }

ov_status_e ov_preprocess_output_set_element_type(ov_preprocess_output_tensor_info_t *info,
                                                  const ov_element_type_e type)
{
    info->model->output_type = type;
    return OK;
}

void ov_preprocess_output_tensor_info_free(ov_preprocess_output_tensor_info_t *info) { free(info); }
