/*
 * Write the TorchScript files that the FATE tests of the DNN filters run.
 *
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
 * The models are made when the tests run, from the table below, so that no
 * binary has to be stored and every version of LibTorch reads files it wrote
 * itself.
 *
 * A model gets a float tensor [N, C, H, W] with pixels divided by 255 and its
 * output is multiplied by 255 and rounded. The models that are compared with
 * FFmpeg's own filters only move, copy, negate or add a few samples with
 * integer weights: whatever the order of the float operations, the result is
 * within a small fraction of a half of an integer and rounds to it, so one
 * reference serves every version of LibTorch and every CPU.
 */

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include <torch/script.h>

namespace {

struct Parameter {
    const char *name;
    std::vector<int64_t> shape;
    std::vector<float> values;
};

/** @return count values from first to last, in equal steps */
std::vector<float> spread(int count, float first, float last)
{
    std::vector<float> values;
    for (int i = 0; i < count; i++)
        values.push_back(first + (last - first) * i / (count - 1));
    return values;
}

/*
 * Detection: what the filter should find is a filled box in each of the primary
 * colours, so a test that draws them knows the right answer. The scores are
 * steps of a fifth of the brightness, and like the positions in front of which
 * the filter cuts off fractions they are a little more than that.
 *
 * boxes(x) makes of [3, H, W] a tensor [3, 5], for each colour the corners
 * x0, y0, x1, y1 of its box in pixels and the score, all 0 without a box.
 */
const std::string boxes = R"(
def boxes(self, x):
    found = []
    for c in range(3):
        most = x[c].max()
        columns = torch.nonzero(torch.amax(x[c], [0]) > 0.5 * most)
        rows = torch.nonzero(torch.amax(x[c], [1]) > 0.5 * most)
        if columns.size(0) == 0:
            found.append(torch.zeros([5]))
        else:
            score = torch.round(most * 5) / 5 + 0.00005
            found.append(torch.stack([columns[0, 0].float(), rows[0, 0].float(),
                                      columns[-1, 0].float() + 1, rows[-1, 0].float() + 1, score]))
    return torch.stack(found)
)";

/* ssd(x) makes of a batch what SSD networks return, [N, 1, 3, 7] */
const std::string ssd = boxes + R"(
def ssd(self, x):
    out = []
    for i in range(x.size(0)):
        b = self.boxes(x[i])
        size = torch.tensor([x.size(3), x.size(2), x.size(3), x.size(2)])
        image = torch.full([3, 1], i)
        out.append(torch.cat([image, torch.arange(3).reshape(3, 1), b[:, 4:5], b[:, :4] / size], 1))
    return torch.stack(out).unsqueeze(1)
)";

/* pixels(x) makes of a batch [N, 3, 5], the boxes in pixels */
const std::string pixels = boxes + R"(
def pixels(self, x):
    out = []
    for i in range(x.size(0)):
        out.append(self.boxes(x[i]))
    return torch.stack(out)
)";

/*
 * grid(x, n, colours, more) makes of a batch [N, 8, H / n, W / n], for cells and
 * an anchor of n pixels: the boxes of these colours, in the cells their centres
 * are in, with scores that are so many times as high.
 */
const std::string grid = pixels + R"(
def grid(self, x, n: int, colours: List[int], more: float):
    all = self.pixels(x)
    out = torch.zeros([x.size(0), 8, x.size(2) // n, x.size(3) // n])
    for i in range(x.size(0)):
        for c in colours:
            b = all[i, c]
            if float(b[4]) > 0:
                w = torch.floor((b[2] - b[0]) / 2)
                h = torch.floor((b[3] - b[1]) / 2)
                cx = (b[0] + w + 0.5) / n
                cy = (b[1] + h + 0.5) / n
                column = int(cx)
                row = int(cy)
                out[i, 0, row, column] = cx - column
                out[i, 1, row, column] = cy - row
                out[i, 2, row, column] = torch.log((b[2] - b[0] + 0.5) / n)
                out[i, 3, row, column] = torch.log((b[3] - b[1] + 0.5) / n)
                out[i, 4, row, column] = b[4] * more
                out[i, 5 + c, row, column] = 1
    return out
)";

/*
 * heads(x) makes of a batch [N, 16, 8], one box a row as YOLOv5 has them: the
 * boxes of the three colours, each followed by one that is a pixel to the right
 * and has the same score, and zeros.
 */
const std::string heads = pixels + R"(
def heads(self, x):
    b = self.pixels(x)
    wh = b[:, :, 2:4] - b[:, :, 0:2]
    centre = (b[:, :, 0:2] + b[:, :, 2:4]) / 2
    score = b[:, :, 4:5]
    classes = torch.eye(3).expand(x.size(0), 3, 3)
    box = torch.cat([centre, wh, score, classes], 2)
    moved = torch.cat([centre + torch.tensor([1, 0]), wh, score, classes], 2)
    return torch.cat([torch.stack([box, moved], 2).reshape(-1, 6, 8), torch.zeros([x.size(0), 10, 8])], 1)

def yolov8(self, x):
    rows = self.heads(x)
    return torch.cat([rows[:, :, :4], rows[:, :, 5:] * rows[:, :, 4:5]], 2).transpose(1, 2)
)";

struct Model {
    const char *name;
    const char *help;
    std::string source;
    std::vector<Parameter> parameters;
};

const std::vector<Model> models = {
    { "identity", "the input itself, beside a parameter that does nothing",
      R"(
def forward(self, x):
    return x + 0 * self.zero
)", { { "zero", { 1 }, { 0 } } } },

    { "identity_bare", "the input itself, without a single parameter",
      R"(
def forward(self, x):
    return x
)", {} },

    { "negate", "1 - x",
      R"(
def forward(self, x):
    return self.one - x
)", { { "one", { 1 }, { 1 } } } },

    { "transpose", "rows and columns exchanged",
      R"(
def forward(self, x):
    return x.transpose(2, 3)
)", {} },

    { "first", "the first channel kept, the others black",
      R"(
def forward(self, x):
    return x * self.mask
)", { { "mask", { 1, 3, 1, 1 }, { 1, 0, 0 } } } },

    { "up2", "every pixel doubled in both directions",
      R"(
def forward(self, x):
    return torch.upsample_nearest2d(x, [x.size(2) * 2, x.size(3) * 2])
)", {} },

    // the profiling executor of LibTorch 2.14 gets round() wrong from the second
    // run on, which shows here if it is ever used
    { "roll", "moved left, wrapping, as far as the first pixel tells",
      R"(
def forward(self, x):
    out = []
    for i in range(x.size(0)):
        shift = int(torch.round(x[i, 0, 0, 0] * 255).item())
        out.append(torch.roll(x[i], [-shift], [2]))
    return torch.stack(out)
)", {} },

    // the one that is not zero stands left of the centre, so that the picture
    // moves to the right and a black column comes in
    { "conv1", "3x3 convolution of one channel that moves right by a pixel",
      R"(
def forward(self, x):
    return torch.conv2d(x, self.weight, None, [1, 1], [1, 1])
)", { { "weight", { 1, 1, 3, 3 }, { 0, 0, 0, 1, 0, 0, 0, 0, 0 } } } },

    { "conv3", "the same on three channels",
      R"(
def forward(self, x):
    return torch.conv2d(x, self.weight, None, [1, 1], [1, 1])
)", { { "weight", { 3, 3, 3, 3 },
        { 0, 0, 0, 1, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0,
          0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 1, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0,
          0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 1, 0, 0, 0, 0, 0 } } } },

    { "activations", "white where activations after a convolution are what they are elsewhere",
      R"(
def conv(self, x):
    return torch.conv2d(x, self.weight, self.bias, [2, 1], [1, 2], [1, 2])

# not seen as the same, so its output is used more than once
def unlike(self, x):
    return self.conv(torch.flip(torch.flip(x, [3]), [3]))

def differ(self, a, b, y):
    return (torch.abs(a - b) > 0.02 * (1 + torch.abs(y))).to(y.dtype)

def forward(self, x):
    bad = torch.zeros_like(self.conv(x))
    y = self.unlike(x + 0.01)
    bad = bad + self.differ(torch.relu(self.conv(x + 0.01)),
                            torch.relu(y), y)
    y = self.unlike(x + 0.02)
    bad = bad + self.differ(torch.leaky_relu(self.conv(x + 0.02), 0.3),
                            torch.leaky_relu(y, 0.3), y)
    y = self.unlike(x + 0.03)
    bad = bad + self.differ(torch.hardtanh(self.conv(x + 0.03), -0.5, 2.0),
                            torch.hardtanh(y, -0.5, 2.0), y)
    y = self.unlike(x + 0.04)
    bad = bad + self.differ(torch.tanh(self.conv(x + 0.04)),
                            torch.tanh(y), y)
    y = self.unlike(x + 0.05)
    bad = bad + self.differ(torch.sigmoid(self.conv(x + 0.05)),
                            torch.sigmoid(y), y)
    y = self.unlike(x + 0.06)
    bad = bad + self.differ(torch.hardsigmoid(self.conv(x + 0.06)),
                            torch.hardsigmoid(y), y)
    y = self.unlike(x + 0.07)
    bad = bad + self.differ(torch.gelu(self.conv(x + 0.07)),
                            torch.gelu(y), y)
    y = self.unlike(x + 0.08)
    bad = bad + self.differ(torch.silu(self.conv(x + 0.08)),
                            torch.silu(y), y)
    y = self.unlike(x + 0.09)
    bad = bad + self.differ(torch.hardswish(self.conv(x + 0.09)),
                            torch.hardswish(y), y)
    return 1 - torch.clamp(bad, 0, 1)
)", { { "weight", { 3, 3, 3, 3 }, spread(81, -2, 2.3) }, { "bias", { 3 }, { -1, 0.5, 1 } } } },

    { "nhwc", "[N, H, W, C] with the first channel kept, the others black",
      R"(
def forward(self, x):
    assert x.size(3) == 3, "the channels are not last"
    return x * self.mask
)", { { "mask", { 1, 1, 1, 3 }, { 1, 0, 0 } } } },

    { "white255", "255 - x",
      R"(
def forward(self, x):
    return 255 - x
)", {} },

    { "range", "the input itself if it is uniform or reaches from -1 to 1",
      R"(
def forward(self, x):
    low = float(x.min())
    high = float(x.max())
    assert low == high or (low == -1 and high == 1), "not from -1 to 1"
    return x
)", {} },

    { "multiple8", "every pixel doubled in both directions, of sizes that are multiples of 8",
      R"(
def forward(self, x):
    assert x.size(2) % 8 == 0 and x.size(3) % 8 == 0, "no multiple of 8"
    return torch.upsample_nearest2d(x, [x.size(2) * 2, x.size(3) * 2])
)", {} },

    { "tile16", "up two pixels and left one, doubled, of tiles of 16x16",
      R"(
def forward(self, x):
    assert x.size(2) == 16 and x.size(3) == 16, "not a tile"
    x = torch.constant_pad_nd(x[:, :, 2:, 1:], [0, 1, 0, 2], 0.0)
    return torch.upsample_nearest2d(x, [x.size(2) * 2, x.size(3) * 2])
)", {} },

    { "first_of_three", "the first of three frames",
      R"(
def forward(self, x):
    return torch.chunk(x, 3, 1)[0]
)", {} },

    { "last_of_three", "the last of three frames",
      R"(
def forward(self, x):
    return torch.chunk(x, 3, 1)[2]
)", {} },

    { "middle_of_three", "the middle one of [N, 3, C, H, W], from all of them",
      R"(
def forward(self, x):
    assert x.dim() == 5 and x.size(1) == 3, "no window of three frames"
    return x
)", {} },

    // the product of two matrices full of ones, over and over: it takes time,
    // stays one, and depends on the input, so that nothing can work it out
    // beforehand
    { "slow", "the input itself, after some 20 ms",
      R"(
def forward(self, x):
    a = torch.ones([128, 128], dtype=x.dtype, device=x.device) + 0 * x[0, 0, 0, 0]
    b = a
    for i in range(150):
        b = torch.mm(a, b) * 0.0078125
    return x * b[0, 0]
)", {} },

    // to fail by content and not by counting keeps the failure at the same
    // frame whatever order the frames are computed in
    { "fail_white", "fails on a frame whose first pixel is white, otherwise the input itself",
      R"(
def forward(self, x):
    assert int((x[:, :, 0, 0] == 1).all(1).sum().item()) == 0, "a white pixel in the corner"
    return x
)", {} },

    { "tuple", "a tuple of two tensors",
      R"(
def forward(self, x):
    return x, x
)", {} },

    { "ssd", "the boxes as SSD networks return them",
      ssd + R"(
def forward(self, x):
    return self.ssd(x)
)", {} },

    { "ssd_tuple", "boxes in pixels and labels, in a tuple",
      pixels + R"(
def forward(self, x):
    return self.pixels(x), torch.arange(3).expand(x.size(0), 3)
)", {} },

    { "ssd_fail", "fails on what is blue",
      ssd + R"(
def forward(self, x):
    assert float(x[:, 2].max()) == 0, "something blue"
    return self.ssd(x)
)", {} },

    // the second has the red box as well, with a lower score
    { "yolov3", "the boxes in two outputs of YOLOv3's kind",
      grid + R"(
def forward(self, x):
    return self.grid(x, 8, [0, 1], 1.0), self.grid(x, 16, [0, 2], 0.9)
)", {} },

    { "yolov4", "the boxes in an output of YOLOv4's kind, before the sigmoids",
      grid + R"(
def forward(self, x):
    g = self.grid(x, 8, [0, 1, 2], 1.0)
    logits = torch.logit(torch.clamp(g, 0.00005, 0.99995))
    return torch.cat([logits[:, :2], g[:, 2:4], logits[:, 4:]], 1)
)", {} },

    { "yolo", "the boxes in an output of YOLOv2's kind: one row of numbers",
      grid + R"(
def forward(self, x):
    return self.grid(x, 8, [0, 1, 2], 1.0).reshape(x.size(0), -1)
)", {} },

    { "yolov5", "the boxes in rows, with a score of their own",
      heads + R"(
def forward(self, x):
    return self.heads(x)
)", {} },

    { "yolov8", "the boxes in columns",
      heads + R"(
def forward(self, x):
    return self.yolov8(x)
)", {} },

    { "yolov10", "the boxes in rows of corners, score and class, which stay even where they overlap",
      pixels + R"(
def forward(self, x):
    b = self.pixels(x)
    classes = torch.arange(3).reshape(1, 3, 1).expand(x.size(0), 3, 1)
    rows = torch.cat([b, classes], 2)
    return torch.cat([rows, rows], 1)
)", {} },

    { "colour", "how much there is of the three colours",
      R"(
def forward(self, x):
    return torch.round(x.mean([2, 3]) * 5) / 5 + 0.00005
)", {} },

    { "colour_fail", "fails on a batch with something blue",
      R"(
def forward(self, x):
    assert float(x[:, 2].max()) < 0.5, "something blue"
    return x.mean([2, 3])
)", {} },
};

void write_model(const Model &model, const std::string &file)
{
    torch::jit::Module module("dnn_" + std::string(model.name));

    for (const Parameter &p : model.parameters)
        module.register_parameter(p.name, torch::tensor(p.values).reshape(p.shape), false);
    // the table's sources use it, and modules made in C++ lack it in some versions
    if (!module.hasattr("training"))
        module.register_attribute("training", c10::BoolType::get(), true);
    module.define(model.source);
    module.save(file);
}

int usage(const char *program)
{
    fprintf(stderr, "usage: %s NAME FILE    write one model\n"
                    "       %s --all DIR    write all of them, to DIR/NAME.pt\n"
                    "       %s --list\n", program, program, program);
    return 1;
}

} // namespace

int main(int argc, char **argv)
{
    const char *current = "";

    try {
        if (argc == 2 && !strcmp(argv[1], "--list")) {
            for (const Model &model : models)
                printf("%-16s %s\n", model.name, model.help);
            return 0;
        }
        if (argc != 3)
            return usage(argv[0]);
        if (!strcmp(argv[1], "--all")) {
            for (const Model &model : models) {
                current = model.name;
                write_model(model, std::string(argv[2]) + "/" + model.name + ".pt");
            }
            return 0;
        }
        for (const Model &model : models) {
            if (strcmp(argv[1], model.name))
                continue;
            current = model.name;
            write_model(model, argv[2]);
            return 0;
        }
        fprintf(stderr, "%s: no model is called '%s'\n", argv[0], argv[1]);
    } catch (const std::exception &e) {
        fprintf(stderr, "%s: %s: %s\n", argv[0], current, e.what());
    }
    return 1;
}
