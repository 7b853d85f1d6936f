// SPDX-License-Identifier: LGPL-2.1-or-later
// Write the networks of the benchmark as TorchScript files into a directory.
// Their weights are random, with a fixed seed: speed does not depend on them.
// They keep the range of the samples about as it is, so that outputs that are
// compared in other precisions are neither flat nor clipped.

#include <torch/script.h>

#include <cmath>
#include <iostream>
#include <sstream>

namespace {

// A network that is put together line by line.
class Net {
public:
    explicit Net(const char *name) : module_(name), name_(name)
    {
        module_.register_attribute("training", c10::BoolType::get(), false);
        // upstream's backend crashes when there is none
        module_.register_parameter("unused", at::zeros({ 1 }), false);
        source_ << "def forward(self, x):\n";
    }

    Net &line(const std::string &text)
    {
        source_ << "    " << text << '\n';
        return *this;
    }

    // y = a convolution that keeps the size, of what is named from
    Net &conv(int in, int out, int kernel, const std::string &from = "y", int groups = 1)
    {
        const std::string id = weights({ out, in / groups, kernel, kernel }, in / groups * kernel * kernel,
                                       out, 0);
        const std::string pad = std::to_string(kernel / 2);
        return line("y = torch.conv2d(" + from + ", self.w" + id + ", self.b" + id +
                    ", [1, 1], [" + pad + ", " + pad + "], [1, 1], " + std::to_string(groups) + ")");
    }

    // one whose output is a picture, around the middle of the range
    Net &last_conv(int in, int out, int kernel)
    {
        const std::string id = weights({ out, in, kernel, kernel }, 4 * in * kernel * kernel, out, 0.5);
        const std::string pad = std::to_string(kernel / 2);
        return line("y = torch.conv2d(y, self.w" + id + ", self.b" + id + ", [1, 1], [" + pad + ", " + pad + "])");
    }

    // y = a transposed convolution that doubles the size
    Net &up_conv(int in, int out)
    {
        const std::string id = weights({ in, out, 2, 2 }, in, out, 0);
        return line("y = torch.conv_transpose2d(y, self.w" + id + ", self.b" + id + ", [2, 2])");
    }

    Net &prelu(int channels)
    {
        const std::string id = "p" + std::to_string(count_++);
        module_.register_parameter(id, at::full({ channels }, 0.2), false);
        return line("y = torch.prelu(y, self." + id + ")");
    }

    Net &batch_norm(int channels)
    {
        const std::string id = "n" + std::to_string(count_++);
        module_.register_parameter(id, at::ones({ channels }), false);
        module_.register_parameter(id + "z", at::zeros({ channels }), false);
        return line("y = torch.batch_norm(y, self." + id + ", self." + id + "z, self." + id + "z, self." +
                    id + ", False, 0.1, 1e-5, False)");
    }

    void save(const std::string &directory)
    {
        module_.define(source_.str());
        module_.save(directory + "/" + name_ + ".pt");
    }

private:
    // a weight and a bias; returns their number
    std::string weights(at::IntArrayRef shape, int fan_in, int out, double middle)
    {
        const std::string id = std::to_string(count_++);
        const double bound = std::sqrt(3.0 / fan_in);

        module_.register_parameter("w" + id, (at::rand(shape) * 2 - 1) * bound, false);
        module_.register_parameter("b" + id, at::full({ out }, middle), false);
        return id;
    }

    torch::jit::Module module_;
    std::string        name_;
    std::ostringstream source_;
    int                count_ = 0;
};

// The rows of the main table.
void save_rows(const std::string &directory)
{
    Net("identity").line("return x").save(directory);

    Net("two").conv(3, 16, 3, "x").line("y = torch.relu(y)").last_conv(16, 3, 3)
              .line("return y").save(directory);

    Net("espcn").conv(3, 64, 5, "x").line("y = torch.tanh(y)")
                .conv(64, 32, 3).line("y = torch.tanh(y)")
                .last_conv(32, 12, 3).line("return torch.pixel_shuffle(y, 2)").save(directory);

    Net compact("compact");
    compact.conv(3, 64, 3, "x").prelu(64);
    for (int i = 0; i < 16; i++)
        compact.conv(64, 64, 3).prelu(64);
    compact.conv(64, 48, 3).line("y = torch.pixel_shuffle(y, 4)")
           .line("return y + torch.upsample_nearest2d(x, [4 * x.size(2), 4 * x.size(3)])")
           .save(directory);
}

// Other sorts, to see whether the rule for the default holds for them.
void save_others(const std::string &directory)
{
    Net residual("residual");
    residual.conv(3, 32, 3, "x");
    for (int i = 0; i < 4; i++)
        residual.line("z = y").conv(32, 32, 3).line("y = torch.relu(y)").conv(32, 32, 3).line("y = y + z");
    residual.last_conv(32, 12, 3).line("return torch.pixel_shuffle(y, 2)").save(directory);

    Net("unet").conv(3, 16, 3, "x").line("y = torch.relu(y)").line("a = y")
               .line("y = torch.max_pool2d(y, [2, 2])").conv(16, 32, 3).line("y = torch.relu(y)")
               .line("b = y").line("y = torch.max_pool2d(y, [2, 2])").conv(32, 64, 3)
               .line("y = torch.relu(y)").up_conv(64, 32).line("y = torch.cat([y, b], 1)")
               .conv(64, 32, 3).line("y = torch.relu(y)").up_conv(32, 16).line("y = torch.cat([y, a], 1)")
               .conv(32, 16, 3).line("y = torch.relu(y)").last_conv(16, 3, 3).line("return y")
               .save(directory);

    Net depthwise("depthwise");
    depthwise.conv(3, 32, 3, "x").line("y = torch.relu(y)");
    for (int i = 0; i < 3; i++)
        depthwise.conv(32, 32, 3, "y", 32).line("y = torch.relu(y)").conv(32, 32, 1).line("y = torch.relu(y)");
    depthwise.last_conv(32, 3, 3).line("return y").save(directory);

    Net dncnn("dncnn");
    dncnn.conv(3, 48, 3, "x").line("y = torch.relu(y)");
    for (int i = 0; i < 5; i++)
        dncnn.conv(48, 48, 3).batch_norm(48).line("y = torch.relu(y)");
    dncnn.conv(48, 3, 3).line("return x - y").save(directory);

    Net leaky("leaky");
    leaky.conv(3, 32, 3, "x").line("y = torch.leaky_relu(y, 0.2)");
    for (int i = 0; i < 3; i++)
        leaky.conv(32, 32, 3).line("y = torch.leaky_relu(y, 0.2)");
    leaky.line("y = torch.upsample_nearest2d(y, [2 * y.size(2), 2 * y.size(3)])")
         .conv(32, 32, 3).line("y = torch.leaky_relu(y, 0.2)").last_conv(32, 3, 3).line("return y")
         .save(directory);

    Net("three").conv(3, 16, 3, "x").line("y = torch.relu(y)").conv(16, 16, 3).line("y = torch.relu(y)")
                .last_conv(16, 3, 3).line("return y").save(directory);

    Net("one").conv(3, 3, 5, "x").line("return y").save(directory);
}

// Of what newer networks are made, and what convolutions of 3x3 say nothing about.
void save_newer(const std::string &directory)
{
    // norms over channels, 1x1 and depthwise convolutions, products instead of activations
    Net gated("gated");
    gated.conv(3, 32, 3, "x");
    for (int i = 0; i < 4; i++)
        gated.line("z = y")
             .line("m = torch.mean(y, [1], True)")
             .line("y = (y - m) / torch.sqrt(torch.mean((y - m) * (y - m), [1], True) + 1e-6)")
             .conv(32, 64, 1).conv(64, 64, 3, "y", 64)
             .line("a, b = torch.chunk(y, 2, 1)").line("a = a * b")
             .line("y = torch.adaptive_avg_pool2d(a, [1, 1])").conv(32, 32, 1)
             .line("y = a * y").conv(32, 32, 1).line("y = y + z");
    gated.last_conv(32, 3, 3).line("return y").save(directory);

    // attention in windows of 8x8 with four heads; sizes are multiples of 8
    Net attention("attention");
    attention.conv(3, 32, 3, "x");
    for (int i = 0; i < 3; i++)
        attention.line("z = y").conv(32, 96, 1)
                 .line("h, w = y.size(2) // 8, y.size(3) // 8")
                 .line("y = y.view(-1, 96, h, 8, w, 8).permute(0, 2, 4, 3, 5, 1).reshape(-1, 64, 12, 8)")
                 .line("q, k, v = torch.chunk(y.transpose(1, 2), 3, 1)")
                 .line("y = torch.matmul(torch.softmax(torch.matmul(q, k.transpose(2, 3)) * 0.35, 3), v)")
                 .line("y = y.transpose(1, 2).reshape(-1, h, w, 8, 8, 32).permute(0, 5, 1, 3, 2, 4)")
                 .line("y = y.reshape(-1, 32, h * 8, w * 8)").conv(32, 32, 1).line("y = y + z")
                 .line("z = y").conv(32, 64, 1).line("y = torch.gelu(y)").conv(64, 32, 1).line("y = y + z");
    attention.last_conv(32, 12, 3).line("return torch.pixel_shuffle(y, 2)").save(directory);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::cerr << "usage: nets DIRECTORY\n";
        return 2;
    }
    torch::manual_seed(1);
    save_rows(argv[1]);
    save_others(argv[1]);
    save_newer(argv[1]);
}
