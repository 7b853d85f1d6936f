/*
 * Writes the network that demo/detect draws its picture with. It was not
 * trained: it looks for parts that are blue or red by a convolution with
 * weights made by hand, and returns the box around all parts of a colour, in
 * the form of SSD networks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   detect OUT.pt
 */

#include <cstdio>
#include <exception>

#include <torch/script.h>

static const char source[] = R"(
def forward(self, x):
    # how much of each colour there is, in parts of some size
    likeness = torch.conv2d(x, self.weight, self.bias)
    found = torch.avg_pool2d((likeness > 0).float(), [19, 19], [1, 1], [9, 9], False, False) > 0.6
    out = []
    for i in range(x.size(0)):
        for c in range(2):
            columns = torch.nonzero(torch.amax(found[i, c].float(), [0]))
            rows = torch.nonzero(torch.amax(found[i, c].float(), [1]))
            box = torch.zeros([7])
            if columns.size(0) > 0:
                score = torch.sigmoid(12 * likeness[i, c][found[i, c]].mean())
                box = torch.stack([torch.tensor(i).float(), torch.tensor(c).float(), score,
                                   columns[0, 0] / x.size(3), rows[0, 0] / x.size(2),
                                   (columns[-1, 0] + 1) / x.size(3), (rows[-1, 0] + 1) / x.size(2)])
            out.append(box)
    return torch.stack(out).reshape(x.size(0), 1, 2, 7)
)";

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s OUT.pt\n", argv[0]);
        return 1;
    }
    try {
        torch::jit::Module module("colours");

        // blue over red, red over green
        module.register_parameter("weight", torch::tensor({ -1.f, 0.f, 1.f, 1.f, -1.f, 0.f })
                                                .reshape({ 2, 3, 1, 1 }), false);
        module.register_parameter("bias", torch::tensor({ -0.12f, -0.35f }), false);
        module.register_attribute("training", c10::BoolType::get(), true);
        module.define(source);
        module.save(argv[1]);
        return 0;
    } catch (const std::exception &e) {
        fprintf(stderr, "%s: %s\n", argv[0], e.what());
        return 1;
    }
}
