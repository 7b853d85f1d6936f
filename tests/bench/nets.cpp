// SPDX-License-Identifier: LGPL-2.1-or-later
// Write the networks of the benchmark as TorchScript files into a directory.
// Their weights are random, with a fixed seed: speed does not depend on them.

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
    Net &conv(int in, int out, int kernel, const std::string &from = "y")
    {
        const std::string id = std::to_string(count_++);
        const double bound = 1 / std::sqrt(1.0 * in * kernel * kernel);

        module_.register_parameter("w" + id, (at::rand({ out, in, kernel, kernel }) * 2 - 1) * bound, false);
        module_.register_parameter("b" + id, (at::rand({ out }) * 2 - 1) * bound, false);
        const std::string pad = std::to_string(kernel / 2);
        return line("y = torch.conv2d(" + from + ", self.w" + id + ", self.b" + id +
                    ", [1, 1], [" + pad + ", " + pad + "])");
    }

    Net &prelu(int channels)
    {
        const std::string id = "p" + std::to_string(count_++);
        module_.register_parameter(id, at::full({ channels }, 0.2), false);
        return line("y = torch.prelu(y, self." + id + ")");
    }

    void save(const std::string &directory)
    {
        module_.define(source_.str());
        module_.save(directory + "/" + name_ + ".pt");
    }

private:
    torch::jit::Module module_;
    std::string        name_;
    std::ostringstream source_;
    int                count_ = 0;
};

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::cerr << "usage: nets DIRECTORY\n";
        return 2;
    }
    torch::manual_seed(1);

    Net("identity").line("return x").save(argv[1]);

    Net("two").conv(3, 16, 3, "x").line("y = torch.relu(y)").conv(16, 3, 3)
              .line("return y").save(argv[1]);

    Net("espcn").conv(3, 64, 5, "x").line("y = torch.tanh(y)")
                .conv(64, 32, 3).line("y = torch.tanh(y)")
                .conv(32, 12, 3).line("return torch.pixel_shuffle(y, 2)").save(argv[1]);

    Net compact("compact");
    compact.conv(3, 64, 3, "x").prelu(64);
    for (int i = 0; i < 16; i++)
        compact.conv(64, 64, 3).prelu(64);
    compact.conv(64, 48, 3).line("y = torch.pixel_shuffle(y, 4)")
           .line("return y + torch.upsample_nearest2d(x, [4 * x.size(2), 4 * x.size(3)])")
           .save(argv[1]);
}
