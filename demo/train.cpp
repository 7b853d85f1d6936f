/*
 * Trains the x2 luma super-resolution network of the demo, and measures it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All pictures come as raw 8-bit luma planes of one size, one after another:
 * a HIGH file of W x H frames and a LOW file of the same frames at half size.
 *
 *   train OUT.pt TRAIN_HIGH TRAIN_LOW VAL_HIGH VAL_LOW W H [STEPS]
 *   train --eval MODEL.pt HIGH LOW W H
 */

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <torch/script.h>
#include <torch/torch.h>

static const int WIDTH  = 16;   // channels of the hidden layers
static const int LAYERS = 7;    // 5x5, then 3x3 layers, before the 3x3 output layer
static const int REACH  = LAYERS + 2;   // pixels the network looks to each side
static const int BATCH  = 16;
static const int PATCH  = 32;   // low-resolution pixels of a training patch

// The frames of a HIGH and a LOW file
struct Frames {
    std::vector<uint8_t> high, low;
    int w, h, count;            // size of a high-resolution frame

    Frames(const char *hi, const char *lo, int width, int height)
        : high(read(hi)), low(read(lo)), w(width), h(height)
    {
        if (w <= 0 || h <= 0 || w % 2 || h % 2)
            throw std::runtime_error("bad frame size");
        count = high.size() / ((size_t)w * h);
        if (!count || high.size() != (size_t)count * w * h || low.size() * 4 != high.size())
            throw std::runtime_error(std::string(hi) + " and " + lo + " do not match");
    }

    const uint8_t *high_at(int i) const { return high.data() + (size_t)i * w * h; }
    const uint8_t *low_at(int i)  const { return low.data()  + (size_t)i * w * h / 4; }

private:
    static std::vector<uint8_t> read(const char *name)
    {
        std::ifstream f(name, std::ios::binary);
        if (!f)
            throw std::runtime_error(std::string("cannot read ") + name);
        return { std::istreambuf_iterator<char>(f), std::istreambuf_iterator<char>() };
    }
};

// The interpolation of libswscale's default bicubic (B = 0, C = 0.6) as four
// 5x5 kernels, one for each of the 2x2 output pixels: where training starts.
static torch::Tensor bicubic()
{
    // distances from an output pixel to the input pixels around it
    const float taps[2][5] = { { -0.028125, 0.240625, 0.871875, -0.084375, 0 },
                               { 0, -0.084375, 0.871875, 0.240625, -0.028125 } };
    auto k = torch::zeros({ 4, 1, 5, 5 });
    for (int p = 0; p < 4; p++)
        for (int y = 0; y < 5; y++)
            for (int x = 0; x < 5; x++)
                k[p][0][y][x] = taps[p / 2][y] * taps[p % 2][x];
    return k;
}

/* A linear upscaler which starts as bicubic, and a stack of convolutions whose
 * output corrects it; pixel_shuffle makes 2x2 pixels of four channels. The
 * picture is padded once by repeating its edge and the convolutions are
 * unpadded, so that the frame's border is treated as well as its middle. */
static torch::jit::Module build()
{
    torch::jit::Module m("sr2x");
    auto conv = [&](const std::string &name, torch::Tensor w) {
        // channels_last weights make LibTorch run the whole stack in that
        // layout, which is the faster one on CPUs
        m.register_parameter("w" + name, w.contiguous(at::MemoryFormat::ChannelsLast), false);
        m.register_parameter("b" + name, torch::zeros({ w.size(0) }), false);
        return "torch.conv2d(h, self.w" + name + ", self.b" + name + ")";
    };
    auto pad = [](int n) {
        auto s = std::to_string(n);
        return "torch.replication_pad2d(x, [" + s + ", " + s + ", " + s + ", " + s + "])";
    };

    std::string src = "def forward(self, x):\n"
                      "    h = " + pad(2) + "\n"
                      "    up = " + conv("_up", bicubic()) + "\n"
                      "    h = " + pad(REACH) + "\n";
    for (int i = 0; i < LAYERS; i++) {
        int in = i ? WIDTH : 1, k = i ? 3 : 5;
        auto w = torch::randn({ WIDTH, in, k, k }) * std::sqrt(2.0 / (in * k * k));
        src += "    h = torch.relu(" + conv(std::to_string(i), w) + ")\n";
    }
    src += "    h = " + conv("_out", torch::randn({ 4, WIDTH, 3, 3 }) * 1e-3) + "\n"
           "    return torch.pixel_shuffle(up + h, 2)\n";
    m.define(src);
    return m;
}

// Low and high-resolution patches, flipped and turned at random
static void draw(const Frames &f, std::mt19937 &rng, torch::Tensor low, torch::Tensor high)
{
    const int n = PATCH, lw = f.w / 2, lh = f.h / 2;
    auto uniform = [&](int below) { return (int)(rng() % below); };

    for (int b = 0; b < BATCH; b++) {
        int x0, y0, turn = uniform(8);
        const uint8_t *lo, *hi;

        // Flat patches teach little: take most patches where there is detail
        for (int tries = 0; tries < 10; tries++) {
            int i = uniform(f.count);
            long diff = 0;
            x0 = uniform(lw - n + 1);
            y0 = uniform(lh - n + 1);
            lo = f.low_at(i)  + y0 * lw + x0;
            hi = f.high_at(i) + 2 * (y0 * f.w + x0);
            for (int y = 0; y < n - 1; y++)
                for (int x = 0; x < n - 1; x++)
                    diff += std::abs(lo[y * lw + x] - lo[y * lw + x + 1]) +
                            std::abs(lo[y * lw + x] - lo[(y + 1) * lw + x]);
            if (diff > 3L * n * n)
                break;
        }

        auto copy = [&](const uint8_t *src, int stride, int size, float *dst) {
            for (int y = 0; y < size; y++)
                for (int x = 0; x < size; x++) {
                    int sx = turn & 1 ? size - 1 - x : x;
                    int sy = turn & 2 ? size - 1 - y : y;
                    if (turn & 4)
                        std::swap(sx, sy);
                    *dst++ = src[sy * stride + sx] / 255.0f;
                }
        };
        copy(lo, lw,      n,     low[b].data_ptr<float>());
        copy(hi, f.w, 2 * n, high[b].data_ptr<float>());
    }
}

/* Luma PSNR over all the frames, the output being rounded and clamped to 8 bits
 * as the filter does; of the bicubic start if there is no network. */
static double psnr(const Frames &f, torch::jit::Module *net)
{
    torch::NoGradGuard no_grad;
    auto cubic = bicubic();
    double sum = 0;

    for (int i = 0; i < f.count; i++) {
        auto x = torch::from_blob((void *)f.low_at(i), { 1, 1, f.h / 2, f.w / 2 }, torch::kUInt8)
                 .to(torch::kFloat32).div(255);
        auto ref = torch::from_blob((void *)f.high_at(i), { 1, 1, f.h, f.w }, torch::kUInt8);
        auto y = net ? net->forward({ x }).toTensor()
                     : torch::pixel_shuffle(torch::conv2d(torch::replication_pad2d(x, { 2, 2, 2, 2 }),
                                                          cubic), 2);
        if (y.sizes() != ref.sizes())
            throw std::runtime_error("the model does not double the picture");
        y = y.mul(255).round().clamp(0, 255);
        sum += (y - ref).square().mean().item<double>();
    }
    return 10 * std::log10(255.0 * 255.0 * f.count / sum);
}

static void save(const torch::jit::Module &m, const std::string &name)
{
    // never leave half a file behind when stopped in the middle
    m.save(name + ".tmp");
    if (std::rename((name + ".tmp").c_str(), name.c_str()))
        throw std::runtime_error("cannot write " + name);
}

static int train(const char *out, const Frames &data, const Frames &val, int steps)
{
    const double lr = 2e-3;

    torch::manual_seed(1);
    std::mt19937 rng(1);
    auto net = build();
    std::vector<torch::Tensor> params;
    long weights = 0;
    for (const auto &p : net.parameters()) {
        params.push_back(p.set_requires_grad(true));
        weights += p.numel();
    }
    torch::optim::Adam adam(params, torch::optim::AdamOptions(lr));

    const double start_psnr = psnr(val, nullptr);
    std::printf("%d training frames, %d validation frames, %ld weights; bicubic %.3f dB\n",
                data.count, val.count, weights, start_psnr);

    auto low  = torch::empty({ BATCH, 1, PATCH, PATCH });
    auto high = torch::empty({ BATCH, 1, 2 * PATCH, 2 * PATCH });
    auto now  = [] { return std::chrono::duration<double>(
                         std::chrono::steady_clock::now().time_since_epoch()).count(); };
    double began = now(), loss_sum = 0, best = 0;
    int loss_count = 0;

    // The edge is repeated around patches as around frames, but what a patch
    // really continues with is another thing: its rim does not count
    auto inner = [](const torch::Tensor &t) {
        return t.slice(2, 8, -8).slice(3, 8, -8);
    };

    for (int step = 1; step <= steps; step++) {
        // a short warm-up, then a cosine down to nothing
        double rate = lr * std::min(1.0, step / 200.0) * 0.5 * (1 + std::cos(M_PI * step / steps));
        static_cast<torch::optim::AdamOptions &>(adam.param_groups()[0].options()).lr(rate);

        draw(data, rng, low, high);
        auto diff = inner(net.forward({ low }).toTensor()) - inner(high);
        // Charbonnier: nearly the absolute error, which lets the large errors
        // that no network can mend (noise, fine texture) draw less than squares
        auto loss = (diff.square() + 1e-6).sqrt().mean();
        adam.zero_grad();
        loss.backward();
        adam.step();
        loss_sum += loss.item<double>();
        loss_count++;

        if (step == steps || step % 200 == 0) {
            double v = psnr(val, &net);
            best = std::max(best, v);
            if (v == best)
                save(net, out);
            std::printf("step %6d/%d  loss %.5f  validation %.3f dB (bicubic %+.3f)  %4.0f s left\n",
                        step, steps, loss_sum / loss_count, v, v - start_psnr,
                        (now() - began) / step * (steps - step));
            std::fflush(stdout);
            loss_sum = loss_count = 0;
        }
    }
    std::printf("%s: validation %.3f dB, bicubic %.3f dB\n", out, best, start_psnr);
    return 0;
}

int main(int argc, char **argv)
{
    try {
        if (argc == 7 && std::string(argv[1]) == "--eval") {
            Frames f(argv[3], argv[4], std::atoi(argv[5]), std::atoi(argv[6]));
            auto net = torch::jit::load(argv[2]);
            double cubic = psnr(f, nullptr), sr = psnr(f, &net);
            std::printf("%d frames, luma PSNR: bicubic %.3f dB, network %.3f dB, gain %+.3f dB\n",
                        f.count, cubic, sr, sr - cubic);
            return 0;
        }
        if (argc == 8 || argc == 9) {
            int w = std::atoi(argv[6]), h = std::atoi(argv[7]);
            return train(argv[1], Frames(argv[2], argv[3], w, h), Frames(argv[4], argv[5], w, h),
                         argc == 9 ? std::max(1, std::atoi(argv[8])) : 30000);
        }
        std::fprintf(stderr, "usage: train OUT.pt TRAIN_HIGH TRAIN_LOW VAL_HIGH VAL_LOW W H [STEPS]\n"
                             "       train --eval MODEL.pt HIGH LOW W H\n");
    } catch (const std::exception &e) {
        std::fprintf(stderr, "train: %s\n", e.what());
    }
    return 1;
}
