// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * @file
 * A library that CUDA loads into any program by CUDA_INJECTION64_PATH: with CUPTI it
 * records what the device does and when, and writes it to the file that DNN_TRACE
 * names when the program ends. A line an activity, separated by tabs:
 * kind (kernel, in, out, copy, set), stream, start in ns, end in ns, bytes, kernel.
 *
 * The structures are the oldest that each toolkit since 11 still has; the later ones
 * only have more at their end.
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <cupti.h>

namespace {

std::mutex mutex;               ///< over file
std::FILE *file;

void line(const char *kind, uint32_t stream, uint64_t start, uint64_t end, uint64_t bytes, const char *name)
{
    std::fprintf(file, "%s\t%u\t%llu\t%llu\t%llu\t%s\n", kind, stream, (unsigned long long)start,
                 (unsigned long long)end, (unsigned long long)bytes, name);
}

void write(const CUpti_Activity *activity)
{
    switch (activity->kind) {
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL: {
        auto k = reinterpret_cast<const CUpti_ActivityKernel4 *>(activity);
        line("kernel", k->streamId, k->start, k->end, 0, k->name ? k->name : "?");
        break;
    }
    case CUPTI_ACTIVITY_KIND_MEMCPY: {
        auto c = reinterpret_cast<const CUpti_ActivityMemcpy *>(activity);
        line(c->copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_HTOD ? "in" :
             c->copyKind == CUPTI_ACTIVITY_MEMCPY_KIND_DTOH ? "out" : "copy",
             c->streamId, c->start, c->end, c->bytes, "");
        break;
    }
    case CUPTI_ACTIVITY_KIND_MEMSET: {
        auto s = reinterpret_cast<const CUpti_ActivityMemset *>(activity);
        line("set", s->streamId, s->start, s->end, s->bytes, "");
        break;
    }
    default:
        break;
    }
}

void CUPTIAPI buffer_wanted(uint8_t **buffer, size_t *size, size_t *records)
{
    *size    = 4 << 20;
    *buffer  = static_cast<uint8_t *>(std::aligned_alloc(8, *size));
    *records = 0;               // as many as fit
    if (!*buffer)
        *size = 0;
}

void CUPTIAPI buffer_done(CUcontext, uint32_t, uint8_t *buffer, size_t, size_t valid)
{
    CUpti_Activity *activity = nullptr;
    std::lock_guard<std::mutex> lock(mutex);

    while (file && cuptiActivityGetNextRecord(buffer, valid, &activity) == CUPTI_SUCCESS)
        write(activity);
    std::free(buffer);
}

void finish()
{
    cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    std::lock_guard<std::mutex> lock(mutex);
    std::fclose(file);
    file = nullptr;
}

bool ok(CUptiResult result, const char *what)
{
    const char *why = "?";

    if (result == CUPTI_SUCCESS)
        return true;
    cuptiGetResultString(result, &why);
    std::fprintf(stderr, "trace: %s: %s\n", what, why);
    return false;
}

} // namespace

/** CUDA calls this when it has loaded the library; the program goes on in any case. */
extern "C" int InitializeInjection(void)
{
    const char *path = std::getenv("DNN_TRACE");

    if (!path || !(file = std::fopen(path, "w"))) {
        std::fprintf(stderr, "trace: cannot write to %s\n", path ? path : "DNN_TRACE, which is not set");
        return 1;
    }
    if (ok(cuptiActivityRegisterCallbacks(buffer_wanted, buffer_done), "callbacks") &&
        ok(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL), "kernels") &&
        ok(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMCPY), "copies") &&
        ok(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMSET), "sets"))
        std::atexit(finish);
    return 1;
}
