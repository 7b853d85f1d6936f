/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

static const struct {
    const char *name;
    size_t offset;
} words[] = {
    { "outputs", offsetof(Net, nb_outputs) },
    { "boxes",   offsetof(Net, boxes)      },
    { "classes", offsetof(Net, classes)    },
    { "up",      offsetof(Net, up)         },
    { "fail",    offsetof(Net, fail)       },
    { "refuse",  offsetof(Net, refuse)     },
    { "lose",    offsetof(Net, lose)       },
    { "never",   offsetof(Net, never)      },
    { "delay",   offsetof(Net, delay)      },
    { "at_once", offsetof(Net, at_once)    },
    { "nhwc",    offsetof(Net, nhwc)       },
    { "rank",    offsetof(Net, rank)       },
};

static int parse_word(Net *net, const char *word, int sizes[4])
{
    static const char *const dims[] = { "batch", "channels", "height", "width" };
    static const char *const types[] = { "f32", "u8", "f16" };
    static const char *const outputs[] = { "picture", "boxes", "classes" };
    const char *value = strchr(word, '=');

    if (!value)
        return !strcmp(word, "net") ? 0 : -1;
    value++;
    for (int i = 0; i < 4; i++)
        if (!strncmp(word, dims[i], value - 1 - word) && !dims[i][value - 1 - word])
            return sizes[i] = atoi(value), 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (!strncmp(word, words[i].name, value - 1 - word) && !words[i].name[value - 1 - word])
            return *(int *)((char *)net + words[i].offset) = atoi(value), 0;
    for (int i = 0; i < 3; i++) {
        if (!strncmp(word, "type=", 5) && !strcmp(value, types[i]))
            return net->type = i, 0;
        if (!strncmp(word, "output=", 7) && !strcmp(value, outputs[i]))
            return net->output = i, 0;
    }
    return -1;
}

int net_parse(Net *net, const char *text, size_t size)
{
    char *copy = strndup(text, size), *save = NULL;
    int sizes[4] = { 1, 1, -1, -1 }, ret = 0;

    if (!copy)
        return -1;
    memset(net, 0, sizeof(*net));
    net->rank = 4;
    net->nb_outputs = net->up = net->boxes = 1;
    net->classes = 4;
    net->fail = net->refuse = net->lose = net->never = -1;
    for (char *word = strtok_r(copy, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
        ret |= parse_word(net, word, sizes);
    if (strncmp(text, "net", size < 3 ? size : 3) || size < 3)
        ret = -1;
    free(copy);

    net->dims[0] = sizes[0];
    net->dims[1] = sizes[net->nhwc ? 2 : 1];
    net->dims[2] = sizes[net->nhwc ? 3 : 2];
    net->dims[3] = sizes[net->nhwc ? 1 : 3];
    return ret;
}

int net_read(Net *net, const char *path)
{
    char text[1024];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file)
        return -1;
    size = fread(text, 1, sizeof(text), file);
    fclose(file);
    return net_parse(net, text, size);
}

void net_sizes(const Net *net, const int64_t dims[4], int *h, int *w, int *c)
{
    *h = dims[net->nhwc ? 1 : 2];
    *w = dims[net->nhwc ? 2 : 3];
    *c = dims[net->nhwc ? 3 : 1];
}

int net_sample(const float *input)
{
    return (int)(input[0] * 255 + 0.5f);
}

int net_output_shape(const Net *net, const int64_t dims[4], int64_t shape[4])
{
    memcpy(shape, dims, 4 * sizeof(*shape));
    switch (net->output) {
    case NET_PICTURE:
        shape[net->nhwc ? 1 : 2] *= net->up;
        shape[net->nhwc ? 2 : 3] *= net->up;
        return 4;
    case NET_BOXES:
        shape[0] = shape[1] = 1;
        shape[2] = net->boxes;
        shape[3] = 7;
        return 4;
    default:
        shape[0] = 1;
        shape[1] = net->classes;
        shape[2] = shape[3] = 1;
        return 4;
    }
}

void net_compute(const Net *net, const int64_t dims[4], const float *input, float *output)
{
    const int sample = net_sample(input);
    int h, w, c;

    net_sizes(net, dims, &h, &w, &c);
    switch (net->output) {
    case NET_PICTURE:
        for (int n = 0; n < dims[0]; n++)
            for (int y = 0; y < h * net->up; y++)
                for (int x = 0; x < w * net->up; x++)
                    for (int i = 0; i < c; i++) {
                        const int from_y = y / net->up, from_x = x / net->up;
                        const int from = net->nhwc ? ((n * h + from_y) * w + from_x) * c + i
                                                   : ((n * c + i) * h + from_y) * w + from_x;
                        const int to = net->nhwc
                            ? ((n * h * net->up + y) * w * net->up + x) * c + i
                            : ((n * c + i) * h * net->up + y) * w * net->up + x;
                        output[to] = 1 - input[from];
                    }
        break;
    case NET_BOXES:
        for (int i = 0; i < net->boxes; i++) {
            const float box[7] = { 0, sample, 0.9f, 0.1f + 0.01f * i, 0.1f, 0.6f + 0.01f * i, 0.8f };
            memcpy(output + 7 * i, box, sizeof(box));
        }
        break;
    default:
        for (int i = 0; i < net->classes; i++)
            output[i] = i == sample % net->classes ? 0.75f : 0.1f;
    }
}

int net_is(int which, int sample)
{
    return which >= 0 && abs(sample - which) < 4;
}

int net_wait(const Net *net, int sample)
{
    if (net->delay)
        usleep(1000 * (net->delay + net->delay * (sample % 3)));
    while (net_is(net->never, sample))
        pause();
    return net_is(net->fail, sample) ? -1 : 0;
}
