/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What FFmpeg uses of OpenVINO's C API, for the stand-in in openvino.c. */
#ifndef TESTS_BACKENDS_OPENVINO_H
#define TESTS_BACKENDS_OPENVINO_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    OK = 0,
    GENERAL_ERROR = -1,
    NOT_IMPLEMENTED = -2,
    NETWORK_NOT_LOADED = -3,
    PARAMETER_MISMATCH = -4,
    NOT_FOUND = -5,
    OUT_OF_BOUNDS = -6,
    UNEXPECTED = -7,
    REQUEST_BUSY = -8,
    RESULT_NOT_READY = -9,
    NOT_ALLOCATED = -10,
    INFER_NOT_STARTED = -11,
    NETWORK_NOT_READ = -12,
    INFER_CANCELLED = -13,
    INVALID_C_PARAM = -14,
    UNKNOWN_C_ERROR = -15,
    NOT_IMPLEMENT_C_METHOD = -16,
    UNKNOW_EXCEPTION = -17,
} ov_status_e;

typedef enum { UNDEFINED, F16, F32, U8 } ov_element_type_e;

typedef struct { int64_t min, max; } ov_dimension_t;
typedef ov_dimension_t ov_rank_t;
typedef struct { int64_t rank; int64_t *dims; } ov_shape_t;
typedef struct { ov_rank_t rank; ov_dimension_t *dims; } ov_partial_shape_t;
typedef struct { const char *buildNumber, *description; } ov_version_t;
typedef struct { void (*callback_func)(void *args); void *args; } ov_callback_t;

typedef struct ov_core ov_core_t;
typedef struct ov_model ov_model_t;
typedef struct ov_compiled_model ov_compiled_model_t;
typedef struct ov_infer_request ov_infer_request_t;
typedef struct ov_tensor ov_tensor_t;
typedef struct ov_layout ov_layout_t;
typedef struct ov_output_const_port ov_output_const_port_t;
typedef struct ov_preprocess_prepostprocessor ov_preprocess_prepostprocessor_t;
typedef struct ov_preprocess_input_info ov_preprocess_input_info_t;
typedef struct ov_preprocess_input_tensor_info ov_preprocess_input_tensor_info_t;
typedef struct ov_preprocess_input_model_info ov_preprocess_input_model_info_t;
typedef struct ov_preprocess_preprocess_steps ov_preprocess_preprocess_steps_t;
typedef struct ov_preprocess_output_info ov_preprocess_output_info_t;
typedef struct ov_preprocess_output_tensor_info ov_preprocess_output_tensor_info_t;

ov_status_e ov_get_openvino_version(ov_version_t *version);
void ov_version_free(ov_version_t *version);
void ov_free(const char *content);

ov_status_e ov_core_create(ov_core_t **core);
void ov_core_free(ov_core_t *core);
ov_status_e ov_core_read_model(const ov_core_t *core, const char *model_path, const char *bin_path,
                               ov_model_t **model);
ov_status_e ov_core_compile_model(const ov_core_t *core, const ov_model_t *model,
                                  const char *device_name, const size_t property_args_size,
                                  ov_compiled_model_t **compiled_model, ...);

ov_status_e ov_shape_free(ov_shape_t *shape);
ov_status_e ov_partial_shape_create(const int64_t rank, const ov_dimension_t *dims,
                                    ov_partial_shape_t *partial_shape);
ov_status_e ov_shape_to_partial_shape(const ov_shape_t shape, ov_partial_shape_t *partial_shape);
void ov_partial_shape_free(ov_partial_shape_t *partial_shape);

ov_status_e ov_model_const_input(const ov_model_t *model, ov_output_const_port_t **port);
ov_status_e ov_model_const_input_by_name(const ov_model_t *model, const char *name,
                                         ov_output_const_port_t **port);
ov_status_e ov_model_const_output_by_index(const ov_model_t *model, const size_t index,
                                           ov_output_const_port_t **port);
ov_status_e ov_model_const_output_by_name(const ov_model_t *model, const char *name,
                                          ov_output_const_port_t **port);
ov_status_e ov_model_outputs_size(const ov_model_t *model, size_t *size);
ov_status_e ov_model_reshape_single_input(const ov_model_t *model, const ov_partial_shape_t shape);
void ov_model_free(ov_model_t *model);

ov_status_e ov_const_port_get_shape(const ov_output_const_port_t *port, ov_shape_t *shape);
ov_status_e ov_port_get_any_name(const ov_output_const_port_t *port, char **name);
ov_status_e ov_port_get_element_type(const ov_output_const_port_t *port, ov_element_type_e *type);
void ov_output_const_port_free(ov_output_const_port_t *port);

ov_status_e ov_compiled_model_create_infer_request(const ov_compiled_model_t *compiled_model,
                                                   ov_infer_request_t **infer_request);
void ov_compiled_model_free(ov_compiled_model_t *compiled_model);

ov_status_e ov_infer_request_set_input_tensor(ov_infer_request_t *request, const ov_tensor_t *tensor);
ov_status_e ov_infer_request_get_tensor_by_const_port(const ov_infer_request_t *request,
                                                      const ov_output_const_port_t *port,
                                                      ov_tensor_t **tensor);
ov_status_e ov_infer_request_infer(ov_infer_request_t *request);
ov_status_e ov_infer_request_start_async(ov_infer_request_t *request);
ov_status_e ov_infer_request_wait(ov_infer_request_t *request);
ov_status_e ov_infer_request_wait_for(ov_infer_request_t *request, const int64_t timeout);
ov_status_e ov_infer_request_set_callback(ov_infer_request_t *request, const ov_callback_t *callback);
void ov_infer_request_free(ov_infer_request_t *request);

ov_status_e ov_tensor_create(const ov_element_type_e type, const ov_shape_t shape, ov_tensor_t **tensor);
ov_status_e ov_tensor_data(const ov_tensor_t *tensor, void **data);
ov_status_e ov_tensor_get_shape(const ov_tensor_t *tensor, ov_shape_t *shape);
void ov_tensor_free(ov_tensor_t *tensor);

ov_status_e ov_layout_create(const char *layout_desc, ov_layout_t **layout);
void ov_layout_free(ov_layout_t *layout);

ov_status_e ov_preprocess_prepostprocessor_create(const ov_model_t *model,
                                                  ov_preprocess_prepostprocessor_t **preprocess);
void ov_preprocess_prepostprocessor_free(ov_preprocess_prepostprocessor_t *preprocess);
ov_status_e ov_preprocess_prepostprocessor_build(const ov_preprocess_prepostprocessor_t *preprocess,
                                                 ov_model_t **model);
ov_status_e ov_preprocess_prepostprocessor_get_input_info(
    const ov_preprocess_prepostprocessor_t *preprocess, ov_preprocess_input_info_t **info);
ov_status_e ov_preprocess_prepostprocessor_get_input_info_by_name(
    const ov_preprocess_prepostprocessor_t *preprocess, const char *name,
    ov_preprocess_input_info_t **info);
ov_status_e ov_preprocess_prepostprocessor_get_output_info_by_index(
    const ov_preprocess_prepostprocessor_t *preprocess, const size_t index,
    ov_preprocess_output_info_t **info);
ov_status_e ov_preprocess_prepostprocessor_get_output_info_by_name(
    const ov_preprocess_prepostprocessor_t *preprocess, const char *name,
    ov_preprocess_output_info_t **info);

ov_status_e ov_preprocess_input_info_get_tensor_info(const ov_preprocess_input_info_t *info,
                                                     ov_preprocess_input_tensor_info_t **tensor_info);
ov_status_e ov_preprocess_input_info_get_model_info(const ov_preprocess_input_info_t *info,
                                                    ov_preprocess_input_model_info_t **model_info);
ov_status_e ov_preprocess_input_info_get_preprocess_steps(const ov_preprocess_input_info_t *info,
                                                          ov_preprocess_preprocess_steps_t **steps);
void ov_preprocess_input_info_free(ov_preprocess_input_info_t *info);
ov_status_e ov_preprocess_input_tensor_info_set_layout(ov_preprocess_input_tensor_info_t *info,
                                                       ov_layout_t *layout);
ov_status_e ov_preprocess_input_tensor_info_set_element_type(ov_preprocess_input_tensor_info_t *info,
                                                             const ov_element_type_e type);
void ov_preprocess_input_tensor_info_free(ov_preprocess_input_tensor_info_t *info);
ov_status_e ov_preprocess_input_model_info_set_layout(ov_preprocess_input_model_info_t *info,
                                                      ov_layout_t *layout);
void ov_preprocess_input_model_info_free(ov_preprocess_input_model_info_t *info);
ov_status_e ov_preprocess_preprocess_steps_convert_element_type(ov_preprocess_preprocess_steps_t *steps,
                                                                const ov_element_type_e type);
ov_status_e ov_preprocess_preprocess_steps_mean(ov_preprocess_preprocess_steps_t *steps, float value);
ov_status_e ov_preprocess_preprocess_steps_scale(ov_preprocess_preprocess_steps_t *steps, float value);
void ov_preprocess_preprocess_steps_free(ov_preprocess_preprocess_steps_t *steps);

ov_status_e ov_preprocess_output_info_get_tensor_info(const ov_preprocess_output_info_t *info,
                                                      ov_preprocess_output_tensor_info_t **tensor_info);
void ov_preprocess_output_info_free(ov_preprocess_output_info_t *info);
ov_status_e ov_preprocess_output_set_element_type(ov_preprocess_output_tensor_info_t *info,
                                                  const ov_element_type_e type);
void ov_preprocess_output_tensor_info_free(ov_preprocess_output_tensor_info_t *info);

#endif
