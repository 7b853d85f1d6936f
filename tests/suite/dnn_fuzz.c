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
 * Broken model files and random options: a run with them ends, with a picture or
 * with a line that says why not. What a case is made of depends on its number
 * alone, so a number is all that has to be kept of one.
 *
 * usage: dnn_fuzz models FIRST COUNT FILE...      breaks these files in turn
 *        dnn_fuzz options FIRST COUNT FILE...     options for these networks
 *        dnn_fuzz write NUMBER OUTPUT FILE...     the broken file of a case
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libavutil/avstring.h"
#include "libavutil/bprint.h"
#include "libavutil/crc.h"
#include "libavutil/file.h"
#include "libavutil/intreadwrite.h"
#include "libavutil/lfg.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/mem.h"
#include "isolate.h"
#include "testgraph.h"

#define MAX_FILES 8

typedef struct Fuzz {
    AVLFG    lfg;
    int      nb_files;
    char   **names;
    uint8_t *data[MAX_FILES];
    size_t   size[MAX_FILES];
    char     broken[64];      ///< path of the broken file
} Fuzz;

/** Errors since the last run began. */
static int  nb_errors;
static int  nb_empty;
static char last_error[512];

static void hear(void *avcl, int level, const char *format, va_list args)
{
    if (level > AV_LOG_ERROR)
        return;
    nb_errors++;
    vsnprintf(last_error, sizeof(last_error), format, args);
    nb_empty += strlen(last_error) < 4;
}

static unsigned pick(Fuzz *fuzz, unsigned range)
{
    return range ? av_lfg_get(&fuzz->lfg) % range : 0;
}

/** An entry of a zip archive, as its central directory has it. */
typedef struct Entry {
    size_t header; ///< where it begins in the directory
    size_t data;   ///< where its data begin
    size_t size;
    char   name[64];
} Entry;

/** Find the entries of an archive that stores them as they are. */
static int find_entries(const uint8_t *data, size_t size, Entry *entries, int max)
{
    int count = 0;

    for (size_t i = 0; i + 46 < size && count < max; i++) {
        Entry *entry = &entries[count];
        size_t local;

        if (AV_RL32(data + i) != 0x02014b50)
            continue;
        entry->header = i;
        entry->size   = AV_RL32(data + i + 24);
        local         = AV_RL32(data + i + 42);
        if (local + 30 > size)
            continue;
        entry->data = local + 30 + AV_RL16(data + local + 26) + AV_RL16(data + local + 28);
        if (entry->data + entry->size > size || !entry->size)
            continue;
        snprintf(entry->name, sizeof(entry->name), "%.*s",
                 FFMIN(AV_RL16(data + i + 28), 63), data + i + 46);
        count++;
    }
    return count;
}

/** Change an entry, and its checksum with it. */
static void change_entry(Fuzz *fuzz, uint8_t *data, size_t size, int text)
{
    static const char letters[] = "0123456789-+*/.,()[]=:_ \nabcxyzTN";
    Entry entries[64], *entry;
    int count = find_entries(data, size, entries, FF_ARRAY_ELEMS(entries));
    int nb_changes = 1 + pick(fuzz, 3);
    int tries = 100;

    if (!count)
        return;
    do {
        entry = &entries[pick(fuzz, count)];
    } while (!!strstr(entry->name, ".py") != text && --tries);
    for (int i = 0; i < nb_changes; i++) {
        uint8_t *byte = data + entry->data + pick(fuzz, entry->size);

        if (text)
            *byte = letters[pick(fuzz, sizeof(letters) - 1)];
        else if (pick(fuzz, 2))
            *byte ^= 1 << pick(fuzz, 8);
        else
            *byte = pick(fuzz, 256);
    }
    AV_WL32(data + entry->header + 16,
            av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), UINT32_MAX, data + entry->data,
                   entry->size) ^ UINT32_MAX);
}

/** Make the broken file of a case. @return its size, the data are to be freed */
static size_t breakage(Fuzz *fuzz, int number, uint8_t **out, const char **kind)
{
    static const char *const kinds[] = {
        "truncated", "bits", "bytes", "random", "entry", "entry", "text", "text", "directory", "cut",
    };
    uint8_t *data;
    size_t size, at, length;
    int file;

    av_lfg_init(&fuzz->lfg, number);
    *kind = kinds[pick(fuzz, FF_ARRAY_ELEMS(kinds))];
    file  = pick(fuzz, fuzz->nb_files);
    size  = fuzz->size[file];
    data  = av_memdup(fuzz->data[file], size);
    if (!data)
        exit(3);

    if (!strcmp(*kind, "truncated")) {
        size = pick(fuzz, size);
    } else if (!strcmp(*kind, "bits")) {
        for (int i = 1 + pick(fuzz, 8); i > 0; i--)
            data[pick(fuzz, size)] ^= 1 << pick(fuzz, 8);
    } else if (!strcmp(*kind, "bytes")) {
        at     = pick(fuzz, size);
        length = 1 + pick(fuzz, 64);
        length = FFMIN(length, size - at);
        for (size_t i = 0; i < length; i++)
            data[at + i] = pick(fuzz, 256);
    } else if (!strcmp(*kind, "random")) {
        size = pick(fuzz, FFMIN(size, 4096));
        for (size_t i = 0; i < size; i++)
            data[i] = pick(fuzz, 256);
        // so that it is taken for an archive, or a pickle, now and then
        if (size > 4 && pick(fuzz, 2))
            AV_WL32(data, pick(fuzz, 2) ? 0x04034b50 : 0x0a8a0280);
    } else if (!strcmp(*kind, "directory")) {
        for (int i = 1 + pick(fuzz, 3); i > 0; i--)
            data[size - 1 - pick(fuzz, FFMIN(size, 1024))] = pick(fuzz, 256);
    } else if (!strcmp(*kind, "cut")) {
        at     = pick(fuzz, size);
        length = 1 + pick(fuzz, 512);
        length = FFMIN(length, size - at);
        memmove(data + at, data + at + length, size - at - length);
        size -= length;
    } else {
        change_entry(fuzz, data, size, !strcmp(*kind, "text"));
    }
    *out = data;
    return size;
}

static int write_file(const char *name, const uint8_t *data, size_t size)
{
    FILE *file = fopen(name, "wb");
    int ok = file && fwrite(data, 1, size, file) == size;

    if (file && fclose(file))
        ok = 0;
    if (!ok)
        perror(name);
    return ok ? 0 : 1;
}

/**
 * Send some frames through a filter.
 *
 * @return 0 if all came out, or if there was an error and a line about it
 */
static int try(const char *filter, int number, const char *about)
{
    TestGraph graph;
    AVFrame *frame = av_frame_alloc();
    int ret;

    if (!frame)
        exit(3);
    nb_errors = nb_empty = 0;
    ret = testgraph_open(&graph, filter, 32, 24);
    if (ret >= 0) {
        for (int i = 0; i < 3 && ret >= 0; i++)
            ret = testgraph_send(&graph, 50 * i, 50 * i);
        testgraph_end(&graph);
        while ((ret = testgraph_receive(&graph, frame)) >= 0)
            av_frame_unref(frame);
        if (ret == AVERROR_EOF)
            ret = 0;
    }
    testgraph_close(&graph);
    av_frame_free(&frame);
    if ((ret < 0 && !nb_errors) || nb_empty) {
        fprintf(stderr, "case %d (%s): error %d, %d lines, the last of which is \"%s\"\n    %s\n",
                number, about, ret, nb_errors, last_error, filter);
        return 1;
    }
    return 0;
}

static int run_model(void *opaque, int number)
{
    Fuzz *fuzz = opaque;
    const char *kind;
    uint8_t *data;
    const size_t size = breakage(fuzz, number, &data, &kind);
    char filter[256];
    int ret;

    if (write_file(fuzz->broken, data, size))
        exit(3);
    av_free(data);
    snprintf(filter, sizeof(filter), "dnn_processing=dnn_backend=torch:model=%s:async=%u:workers=1:threads=1",
             fuzz->broken, number & 1);
    ret = try(filter, number, kind);
    unlink(fuzz->broken);
    return ret;
}

static const char *const options[] = {
    "async", "nireq", "workers", "threads", "batch_size", "optimize", "memory_format",
    "precision", "keep_memory", "on_error", "device", "device_id", "input", "output",
    "backend_configs", "options", "enable", "no_such_option", "model", "dnn_backend",
};

static const char *const values[] = {
    "0", "1", "2", "3", "4", "-1", "16", "64", "65", "255", "256", "257", "1024", "1025",
    "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "1e300", "nan", "inf",
    "0x10", "0.5", "", " ", "default", "auto", "none", "freeze", "inference", "contiguous",
    "channels_last", "fp32", "fp16", "bf16", "error", "pass", "drop", "true", "false",
    "cpu", "CPU", "cpu\\\\:0", "cpu\\\\:1", "cpu\\\\:-1", "cuda", "cuda\\\\:0", "cuda\\\\:99",
    "cuda\\\\:99999999999999999999", "cuda\\\\:", "mps", "xla", "meta", "vulkan", "hip", "mkldnn",
    "privateuseone", "opengl", "lazy", "fpga", "ort", "ve", "hpu", "ipu", "xpu", "mtia", "torch", "tensorflow",
    "workers=3&batch_size=2", "workers=-1", "=&=", "%s%n%d", "\\xff\\xfe", "x\\'y", "[in]",
};

static int run_options(void *opaque, int number)
{
    Fuzz *fuzz = opaque;
    AVBPrint filter;
    int nb_options, ret;

    av_lfg_init(&fuzz->lfg, number);
    av_bprint_init(&filter, 0, AV_BPRINT_SIZE_UNLIMITED);
    av_bprintf(&filter, "dnn_processing=dnn_backend=torch:model=%s",
               fuzz->names[pick(fuzz, fuzz->nb_files)]);
    nb_options = 1 + pick(fuzz, 4);
    for (int i = 0; i < nb_options; i++) {
        av_bprintf(&filter, ":%s=", options[pick(fuzz, FF_ARRAY_ELEMS(options))]);
        if (pick(fuzz, 8)) {
            av_bprintf(&filter, "%s", values[pick(fuzz, FF_ARRAY_ELEMS(values))]);
        } else {
            for (int j = pick(fuzz, 20); j > 0; j--)
                av_bprint_chars(&filter, 33 + pick(fuzz, 94), 1);
        }
    }
    ret = av_bprint_is_complete(&filter) ? try(filter.str, number, "options") : 1;
    av_bprint_finalize(&filter, NULL);
    return ret;
}

int main(int argc, char **argv)
{
    Fuzz fuzz = { .nb_files = argc - 4 };
    IsolateParams params = { .chunk = 100, .limit = 60, .opaque = &fuzz };
    IsolateResult result;

    if (argc < 5 || fuzz.nb_files > MAX_FILES) {
        fprintf(stderr, "usage: dnn_fuzz models|options FIRST COUNT FILE...\n"
                        "       dnn_fuzz write NUMBER OUTPUT FILE...\n");
        return 2;
    }
    fuzz.names = argv + 4;
    for (int i = 0; i < fuzz.nb_files; i++)
        if (av_file_map(fuzz.names[i], &fuzz.data[i], &fuzz.size[i], 0, NULL) < 0 || !fuzz.size[i])
            return 2;
    snprintf(fuzz.broken, sizeof(fuzz.broken), "%s/dnn_fuzz.%d.pt",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());

    if (!strcmp(argv[1], "write")) {
        const char *kind;
        uint8_t *data;
        const size_t size = breakage(&fuzz, atoi(argv[2]), &data, &kind);

        printf("%s\n", kind);
        return write_file(argv[3], data, size);
    }

    params.first = atoi(argv[2]);
    params.count = atoi(argv[3]);
    params.run   = strcmp(argv[1], "options") ? run_model : run_options;
    av_log_set_callback(hear);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    // a broken network may ask for any amount
    setrlimit(RLIMIT_AS, &(struct rlimit){ (rlim_t)12 << 30, (rlim_t)12 << 30 });
#endif
    result = isolate(&params);
    unlink(fuzz.broken);
    printf("%d cases: %d wrong, %d crashed in our code, %d hung; %d crashed in LibTorch\n",
           result.run, result.wrong, result.crashed, result.hung, result.libtorch);
    return result.wrong || result.crashed || result.hung || result.run < params.count;
}
