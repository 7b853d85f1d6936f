/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network behind the stand-ins for TensorFlow, OpenVINO and ONNX Runtime.
 * The model file says in words what it takes, what it returns and how it goes
 * wrong, such as "channels=3 up=2 fail=80". See net.c for all of them.
 *
 * A run is known by its input's first sample, from 0 to 255: which frame fails
 * does not depend on the order in which threads run.
 */
#ifndef TESTS_BACKENDS_NET_H
#define TESTS_BACKENDS_NET_H

#include <stddef.h>
#include <stdint.h>

enum NetType { NET_F32, NET_U8, NET_F16 };
enum NetOutput {
    NET_PICTURE, ///< 1 - input
    NET_BOXES,   ///< [1, 1, boxes, 7], as dnn_detect's ssd
    NET_CLASSES, ///< [1, classes, 1, 1]
};

typedef struct Net {
    int64_t dims[4];     ///< of the input, in the network's layout; -1: any
    int rank;            ///< of the input
    int nhwc;
    enum NetType type;   ///< of the input
    enum NetOutput output;
    int nb_outputs;      ///< the first one is said above, the others are the same
    int boxes, classes;
    int up;              ///< the picture comes out so many times as large
    int fail;            ///< the run with this sample fails
    int refuse;          ///< the run with this sample cannot be started
    int lose;            ///< the outputs of the run with this sample cannot be had
    int never;           ///< the run with this sample does not end
    int delay;           ///< time of a run, in ms; of two after another differ
    int at_once;         ///< runs end before the function that starts them returns
} Net;

/** @return 0, or -1 if this is no such network */
int net_parse(Net *net, const char *text, size_t size);

/** Read a file. @return 0, or -1 */
int net_read(Net *net, const char *path);

/** A picture's dims by the network's layout, to batch, height, width, channels. */
void net_sizes(const Net *net, const int64_t dims[4], int *h, int *w, int *c);

/** The first sample of an input, from 0 to 255. */
int net_sample(const float *input);

/** The shape of the outputs for an input of these dims. @return rank, at most 4 */
int net_output_shape(const Net *net, const int64_t dims[4], int64_t shape[4]);

/** Compute one output. It has as many floats as net_output_shape() says. */
void net_compute(const Net *net, const int64_t dims[4], const float *input, float *output);

/** Whether a sample is the one that a word of the network names, or close to it. */
int net_is(int which, int sample);

/** Wait as long as a run takes, for ever if that is so. @return 0, or -1 if it fails */
int net_wait(const Net *net, int sample);

#endif
