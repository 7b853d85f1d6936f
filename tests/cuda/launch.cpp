// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * @file
 * torch/cuda_launch.c with a driver that is made up: its contexts, modules and kernels
 * are the CPU's, and each of its functions can fail. Tells which contexts are taken,
 * that every error has its line, and that whatever happens nothing stays behind.
 *
 * tests/check.d/cuda compiles FFmpeg's side with fake_library() and fake_symbol() in
 * place of those that open libcuda.so.1.
 */
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include <ffnvcodec/dynlink_cuda.h>

extern "C" {
#include "libavutil/buffer.h"
#include "libavutil/dict.h"
#include "libavutil/hwcontext.h"
#include "libavutil/log.h"
#include "libavfilter/dnn/torch/cuda_launch.h"
}

namespace {
#define DNN_CUDA_ON_HOST
#include "libavfilter/dnn/torch/cuda_kernels.cu"
}

/** What the launcher loads as PTX. */
extern "C" const unsigned char ff_cuda_kernels_ptx_data[] = "made up";
extern "C" const unsigned int ff_cuda_kernels_ptx_len = sizeof(ff_cuda_kernels_ptx_data);

namespace {

int nb_failed;

void fail(const std::string &what)
{
    std::printf("launch: %s\n", what.c_str());
    nb_failed++;
}

// ---- The driver ----------------------------------------------------------------

constexpr int nb_devices = 2;
char primary_tags[nb_devices], module_tag;

struct Driver {
    int primary[nb_devices] = {};           ///< references to the primary contexts
    std::set<CUcontext> contexts;           ///< the others, all on device 0
    std::vector<CUcontext> stack;           ///< of this thread
    int modules = 0, launches = 0;
    int calls = 0, failing = 0;             ///< the number of the call that fails

    bool idle() const
    {
        return !primary[0] && !primary[1] && contexts.empty() && stack.empty() && !modules;
    }
} driver;

CUcontext primary_of(int device) { return reinterpret_cast<CUcontext>(&primary_tags[device]); }
bool lives(CUcontext c)
{
    for (int i = 0; i < nb_devices; i++)
        if (c == primary_of(i))
            return driver.primary[i] > 0;
    return driver.contexts.count(c);
}
bool has_current() { return !driver.stack.empty() && lives(driver.stack.back()); }

CUresult Init(unsigned int)
{
    return CUDA_SUCCESS;
}

CUresult DeviceGet(CUdevice *device, int ordinal)
{
    *device = ordinal;
    return ordinal < nb_devices ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN;
}

CUresult PrimaryCtxGetState(CUdevice device, unsigned int *flags, int *active)
{
    *flags  = 0;
    *active = 0;
    return device < nb_devices ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN;
}

CUresult PrimaryCtxSetFlags(CUdevice, unsigned int)
{
    return CUDA_SUCCESS;
}

CUresult PrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    driver.primary[device]++;
    *context = primary_of(device);
    return CUDA_SUCCESS;
}

CUresult PrimaryCtxRelease(CUdevice device)
{
    if (--driver.primary[device] < 0)
        fail("a primary context is released too often");
    return CUDA_SUCCESS;
}

CUresult CtxCreate(CUcontext *context, unsigned int, CUdevice)
{
    *context = reinterpret_cast<CUcontext>(new char);
    driver.contexts.insert(*context);
    driver.stack.push_back(*context);
    return CUDA_SUCCESS;
}

CUresult CtxDestroy(CUcontext context)
{
    if (!driver.contexts.erase(context))
        fail("a context is destroyed that is not there");
    delete reinterpret_cast<char *>(context);
    return CUDA_SUCCESS;
}

CUresult CtxPushCurrent(CUcontext context)
{
    if (!lives(context))
        return CUDA_ERROR_UNKNOWN;
    driver.stack.push_back(context);
    return CUDA_SUCCESS;
}

CUresult CtxPopCurrent(CUcontext *context)
{
    if (driver.stack.empty()) {
        fail("a context is popped that was not pushed");
        return CUDA_ERROR_UNKNOWN;
    }
    *context = driver.stack.back();
    driver.stack.pop_back();
    return CUDA_SUCCESS;
}

CUresult CtxGetDevice(CUdevice *device)
{
    if (!has_current())
        return CUDA_ERROR_UNKNOWN;
    *device = driver.stack.back() == primary_of(1);
    return CUDA_SUCCESS;
}

CUresult GetErrorName(CUresult, const char **text)
{
    *text = "FAKE_ERROR";
    return CUDA_SUCCESS;
}

CUresult GetErrorString(CUresult, const char **text)
{
    *text = "made up";
    return CUDA_SUCCESS;
}

CUresult ModuleLoadData(CUmodule *module, const void *image)
{
    if (!has_current() || std::strcmp(static_cast<const char *>(image), "made up"))
        return CUDA_ERROR_UNKNOWN;
    driver.modules++;
    *module = reinterpret_cast<CUmodule>(&module_tag);
    return CUDA_SUCCESS;
}

CUresult ModuleUnload(CUmodule module)
{
    if (!has_current() || module != reinterpret_cast<CUmodule>(&module_tag))
        fail("a module is unloaded that is not there, or elsewhere");
    driver.modules--;
    return CUDA_SUCCESS;
}

/** What the macro KERNEL of torch/cuda_kernels.cu does on a device. */
struct Kernel {
    const char *name;
    void (*at)(const void *parameters, int x, int y);
    /** That the kernel is to be called for. */
    void (*extent)(const void *parameters, int *width, int *height);
};

template <typename P, void function(const P &, int, int)>
void call(const void *parameters, int x, int y)
{
    function(*static_cast<const P *>(parameters), x, y);
}

void load_extent(const void *parameters, int *width, int *height)
{
    const DNNCudaTensor &tensor = static_cast<const DNNCudaLoad *>(parameters)->tensor;
    *width  = tensor.width;
    *height = tensor.height;
}

void store_extent(const void *parameters, int *width, int *height)
{
    const DNNCudaStore &store = *static_cast<const DNNCudaStore *>(parameters);
    *width  = (store.tensor.width  + store.block_w - 1) / store.block_w;
    *height = (store.tensor.height + store.block_h - 1) / store.block_h;
}

void carry_extent(const void *parameters, int *width, int *height)
{
    const DNNCudaPlane &out = static_cast<const DNNCudaCarry *>(parameters)->out;
    *width  = out.width;
    *height = out.height;
}

Kernel kernels[] = {
    { "Dnn_load_8",   call<DNNCudaLoad,  load_pixel<unsigned char>>,    load_extent  },
    { "Dnn_load_16",  call<DNNCudaLoad,  load_pixel<unsigned short>>,   load_extent  },
    { "Dnn_store_8",  call<DNNCudaStore, store_block<unsigned char>>,   store_extent },
    { "Dnn_store_16", call<DNNCudaStore, store_block<unsigned short>>,  store_extent },
    { "Dnn_carry_8",  call<DNNCudaCarry, pass_sample<unsigned char>>,  carry_extent },
    { "Dnn_carry_16", call<DNNCudaCarry, pass_sample<unsigned short>>, carry_extent },
};

CUresult ModuleGetFunction(CUfunction *function, CUmodule, const char *name)
{
    for (Kernel &kernel : kernels)
        if (!std::strcmp(kernel.name, name)) {
            *function = reinterpret_cast<CUfunction>(&kernel);
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_UNKNOWN;
}

const CUstream our_stream = reinterpret_cast<CUstream>(&module_tag);

CUresult LaunchKernel(CUfunction function, unsigned int grid_x, unsigned int grid_y,
                      unsigned int grid_z, unsigned int block_x, unsigned int block_y,
                      unsigned int block_z, unsigned int shared, CUstream stream,
                      void **parameters, void **extra)
{
    const Kernel &kernel = *reinterpret_cast<const Kernel *>(function);
    int width, height;

    kernel.extent(parameters[0], &width, &height);
    if (!has_current() || stream != our_stream || grid_z != 1 || block_z != 1 || shared || extra ||
        grid_x != (width + block_x - 1) / block_x || grid_y != (height + block_y - 1) / block_y)
        return CUDA_ERROR_UNKNOWN;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            kernel.at(parameters[0], x, y);
    driver.launches++;
    return CUDA_SUCCESS;
}

/** A function of the driver, unless it is its turn to fail. */
template <auto function>
struct InTurn;

template <typename... Arguments, CUresult (*function)(Arguments...)>
struct InTurn<function> {
    static CUresult call(Arguments... arguments)
    {
        return ++driver.calls == driver.failing ? CUDA_ERROR_UNKNOWN : function(arguments...);
    }
};

CUresult unexpected()
{
    fail("an unexpected function of the driver is called");
    return CUDA_ERROR_UNKNOWN;
}

} // namespace

extern "C" void *fake_library(void)
{
    return &driver;
}

extern "C" void *fake_symbol(const char *name)
{
    const struct { const char *name; void *function; } list[] = {
#define ENTRY(symbol, function) { symbol, reinterpret_cast<void *>(function) }
        // what gives something back, or tells of an error, does not fail
        ENTRY("cuInit", InTurn<Init>::call),
        ENTRY("cuDeviceGet", InTurn<DeviceGet>::call),
        ENTRY("cuDevicePrimaryCtxGetState", InTurn<PrimaryCtxGetState>::call),
        ENTRY("cuDevicePrimaryCtxSetFlags", InTurn<PrimaryCtxSetFlags>::call),
        ENTRY("cuDevicePrimaryCtxRetain", InTurn<PrimaryCtxRetain>::call),
        ENTRY("cuDevicePrimaryCtxRelease", PrimaryCtxRelease),
        ENTRY("cuCtxCreate_v2", InTurn<CtxCreate>::call),
        ENTRY("cuCtxDestroy_v2", CtxDestroy),
        ENTRY("cuCtxPushCurrent_v2", InTurn<CtxPushCurrent>::call),
        ENTRY("cuCtxPopCurrent_v2", CtxPopCurrent),
        ENTRY("cuCtxGetDevice", InTurn<CtxGetDevice>::call),
        ENTRY("cuGetErrorName", GetErrorName),
        ENTRY("cuGetErrorString", GetErrorString),
        ENTRY("cuModuleLoadData", InTurn<ModuleLoadData>::call),
        ENTRY("cuModuleUnload", ModuleUnload),
        ENTRY("cuModuleGetFunction", InTurn<ModuleGetFunction>::call),
        ENTRY("cuLaunchKernel", InTurn<LaunchKernel>::call),
    };

    for (const auto &entry : list)
        if (!std::strcmp(entry.name, name))
            return entry.function;
    return reinterpret_cast<void *>(unexpected);
}

// ---- The tests -----------------------------------------------------------------

namespace {

/** An AVHWDeviceContext of device 0, in the primary context or one of its own. */
AVBufferRef *make_device(bool primary)
{
    AVBufferRef *device = nullptr;
    AVDictionary *options = nullptr;

    if (primary)
        av_dict_set(&options, "primary_ctx", "1", 0);
    if (av_hwdevice_ctx_create(&device, AV_HWDEVICE_TYPE_CUDA, "0", options, 0) < 0)
        fail("no device context");
    av_dict_free(&options);
    return device;
}

/** Samples to floats and back. @return what the launcher did, error if it did not */
int run_kernels(DNNCudaLauncher *launcher, DNNCudaError *error)
{
    constexpr int width = 70, height = 19;
    std::vector<unsigned char> in(width * height), out(width * height);
    std::vector<float> values(width * height, -1);
    DNNCudaLoad load = {};
    DNNCudaStore store = {};

    for (size_t i = 0; i < in.size(); i++)
        in[i] = i * 7;
    load.tensor.data     = reinterpret_cast<uintptr_t>(values.data());
    load.tensor.stride_c = width * height;
    load.tensor.stride_h = width;
    load.tensor.stride_w = 1;
    load.tensor.width    = width;
    load.tensor.height   = height;
    load.tensor.channels = 1;
    load.planes[0].data     = reinterpret_cast<uintptr_t>(in.data());
    load.planes[0].linesize = width;
    load.planes[0].step     = 1;
    load.planes[0].width    = width;
    load.planes[0].height   = height;
    load.sub[0] = 16;
    load.div[0] = 2;
    store.tensor    = load.tensor;
    store.planes[0] = load.planes[0];
    store.planes[0].data = reinterpret_cast<uintptr_t>(out.data());
    store.block_w = store.block_h = 1;
    store.max = store.limit = 255;
    store.mul[0] = 2;
    store.add[0] = 16;

    int ret = ff_dnn_cuda_load(launcher, &load, 0, our_stream, error);
    if (ret < 0)
        return ret;
    for (size_t i = 0; i < in.size(); i++)
        if (values[i] != (in[i] - 16) / 2.0f) {
            fail("samples to tensor");
            break;
        }
    ret = ff_dnn_cuda_store(launcher, &store, 0, our_stream, error);
    if (ret >= 0 && in != out)
        fail("tensor to samples");
    return ret;
}

/** From open to close. @return what the first that fails says, nothing if none does */
std::string life(AVBufferRef *device_ref, int device)
{
    DNNCudaLauncher *launcher = nullptr;
    DNNCudaError error = {};
    int ret = ff_dnn_cuda_open(&launcher, device_ref, device, &error);

    if (ret >= 0)
        ret = run_kernels(launcher, &error);
    else if (launcher)
        fail("a launcher in spite of an error");
    // what gives something back does not fail
    if (driver.calls < driver.failing)
        driver.failing = 0;
    ff_dnn_cuda_close(&launcher);
    if (!driver.stack.empty())
        fail("a context is left on the stack");
    if (ret < 0 && (!error.text[0] || std::strchr(error.text, '\n')))
        fail("an error without its line");
    return ret < 0 ? error.text : "";
}

void expect(const char *what, const std::string &got, const std::string &wanted)
{
    if (wanted.empty() ? !got.empty() : got.find(wanted) == std::string::npos)
        fail(std::string(what) + ": \"" + got + "\"");
    if (!driver.idle())
        fail(std::string(what) + ": something stays behind");
}

void test_contexts()
{
    AVBufferRef *device;

    expect("no surfaces", life(nullptr, 0), "");
    expect("no surfaces, second device", life(nullptr, 1), "");
    expect("no such device", life(nullptr, nb_devices), "cuDeviceGet(&launcher->device, index) failed");

    std::string got = life(device = make_device(true), 0);
    av_buffer_unref(&device);
    expect("primary context", got, "");

    got = life(device = make_device(true), 1);
    av_buffer_unref(&device);
    expect("surfaces on another device", got, "add device=cuda:0");

    got = life(device = make_device(false), 0);
    av_buffer_unref(&device);
    expect("a context of its own", got, "primary_ctx=1");

    if (driver.launches != 6)
        fail("kernels did not run");
}

/** Each call of the driver's functions fails in turn. */
void test_failures(bool surfaces)
{
    int n = 0;

    for (bool failed = true; failed;) {
        AVBufferRef *device = surfaces ? make_device(true) : nullptr;

        driver.failing = driver.calls + ++n;
        const std::string got = life(device, 0);
        failed = driver.failing;
        driver.failing = 0;
        av_buffer_unref(&device);
        if (failed && got.empty())
            fail("call " + std::to_string(n) + " fails, and nobody says so");
        if (!driver.idle())
            fail("call " + std::to_string(n) + " fails, and something stays behind");
        driver.primary[0] = driver.primary[1] = driver.modules = 0;
    }
    if (n < 12)
        fail("too few calls: " + std::to_string(n));
}

} // namespace

int main()
{
    av_log_set_level(AV_LOG_QUIET);
    test_contexts();
    test_failures(false);
    test_failures(true);
    return nb_failed > 0;
}
