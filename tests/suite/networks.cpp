// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes the networks of the project's own tests: networks DIR. Those that FFmpeg's
// tests have, and how a table of them becomes files, come from there.
#define main torch_models_main
#include "tests/dnn/torch_models.cpp"
#undef main

#include <fstream>

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickle.h>

namespace {

const std::vector<Model> more_models = {
    { "identity_nhwc", "the input itself, with the strides of NHWC",
      R"(
def forward(self, x):
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
)", {} },

    { "identity_double", "the input itself, in double precision",
      R"(
def forward(self, x):
    return x.double()
)", {} },

    { "identity_half", "the input itself, in half precision",
      R"(
def forward(self, x):
    return x.half()
)", {} },

    { "prints", "the input itself, after a line of text",
      R"(
def forward(self, x):
    print("a frame")
    return x
)", {} },

    { "warns", "the input itself, after a warning",
      R"(
def forward(self, x):
    torch.warn("unusual pictures")
    return x
)", {} },

    { "quarter", "x / 4",
      R"(
def forward(self, x):
    return x * 0.25
)", {} },

    { "quadruple", "4 * x",
      R"(
def forward(self, x):
    return x * 4
)", {} },

    { "hflip", "mirrored left to right",
      R"(
def forward(self, x):
    return torch.flip(x, [3])
)", {} },

    { "vflip", "upside down",
      R"(
def forward(self, x):
    return torch.flip(x, [2])
)", {} },

    // the three that follow end in a view of a tensor that is larger, smaller
    // or laid out otherwise than its sizes tell
    { "crop", "without 2 columns left and right and 1 row above and below",
      R"(
def forward(self, x):
    return x[:, :, 1:-1, 2:-2]
)", {} },

    { "spread", "the first channel in all three",
      R"(
def forward(self, x):
    return x[:, 0:1].expand(-1, 3, -1, -1)
)", {} },

    { "reverse", "the channels in reverse order",
      R"(
def forward(self, x):
    return torch.stack([x[:, 2], x[:, 1], x[:, 0]], 3).permute(0, 3, 1, 2)
)", {} },

    { "up2_shuffle", "every pixel doubled in both directions, as super-resolution networks end",
      R"(
def forward(self, x):
    return torch.pixel_shuffle(torch.repeat_interleave(x, 4, 1), 2)
)", {} },

    { "sharpen", "3x3 convolution with integer weights, without padding: out of range, a pixel less on every side",
      R"(
def forward(self, x):
    return torch.conv2d(x, self.weight)
)", { { "weight", { 1, 1, 3, 3 }, { 0, -1, 0, -1, 5, -1, 0, -1, 0 } } } },

    { "special", "not a number in the first column, infinity in the second, minus infinity in the third",
      R"(
def forward(self, x):
    inf = (x[:, :, :, 0:1] + 1) / 0
    return torch.cat([inf - inf, inf, -inf, x[:, :, :, 3:]], 3)
)", {} },

    { "train", "the input itself when evaluated, black while training",
      R"(
def forward(self, x):
    if self.training:
        x = 0 * x
    return x
)", {} },

    { "hungry", "wants 10 GB for a frame whose first pixel is white, otherwise the input itself",
      R"(
def forward(self, x):
    if int((x[:, :, 0, 0] == 1).all(1).sum().item()) > 0:
        x = x + torch.empty([2500000000])[0] * 0
    return x
)", {} },

    // as LibTorch tells of a device
    { "memory", "has memory for two at a time",
      R"(
def forward(self, x):
    assert x.size(0) <= 2, "CUDA out of memory. Tried to allocate 2.00 GiB"
    return x
)", {} },

    { "memory_again", "the input itself, where it is not black at the second attempt, often",
      R"(
def forward(self, x):
    luck = float(torch.rand([1]))
    if float(x.max()) > 0:
        assert luck > 0.16, "CUDA out of memory. Tried to allocate 2.00 GiB"
    return x
)", {} },

    { "memory_white", "has no memory for a frame whose first pixel is white",
      R"(
def forward(self, x):
    white = int((x[:, :, 0, 0] == 1).all(1).sum().item())
    assert white == 0, "CUDA out of memory. Tried to allocate 2.00 GiB"
    return x
)", {} },

    { "fail", "fails on everything",
      R"(
def forward(self, x):
    assert x.size(0) < 0, "this model always fails"
    return x
)", {} },

    { "fixed", "takes 64x48 only",
      R"(
def forward(self, x):
    assert x.size(2) == 48 and x.size(3) == 64, "only 64x48 will do"
    return x
)", {} },

    // what is no picture of the frame's format

    { "rank2", "a tensor of two dimensions",
      R"(
def forward(self, x):
    return x[0, 0]
)", {} },

    { "rank5", "a tensor of five dimensions",
      R"(
def forward(self, x):
    return x.unsqueeze(0)
)", {} },

    { "channels2", "two channels",
      R"(
def forward(self, x):
    return torch.cat([x[:, 0:1], x[:, 0:1]], 1)
)", {} },

    { "empty", "a picture without rows",
      R"(
def forward(self, x):
    return x[:, :, 0:0]
)", {} },

    { "batch2", "two pictures for every one",
      R"(
def forward(self, x):
    return torch.cat([x, x])
)", {} },

    { "int", "integers",
      R"(
def forward(self, x):
    return torch.round(x * 255).int()
)", {} },

    { "list", "a list of two tensors",
      R"(
def forward(self, x):
    return [x, x]
)", {} },

    { "none", "nothing",
      R"(
def forward(self, x):
    return None
)", {} },

    { "number", "a number",
      R"(
def forward(self, x):
    return x.size(0)
)", {} },

    { "two_inputs", "wants two tensors",
      R"(
def forward(self, x, y):
    return x + y
)", {} },

    { "no_forward", "has no forward()",
      R"(
def run(self, x):
    return x
)", {} },

    // the order is that of the table in dnn_faults.c; 13 and 15 are the types
    // quint8 and bfloat16
    { "faulty", "1 - x, unless the first sample times 255 tells how to fail",
      R"(
def forward(self, x) -> Any:
    k = int(torch.round(x[:, 0, 0, 0].max() * 255).item())
    y = 1 - x
    good = 1 - (torch.round(x[:, 0:1, 0:1, 0:1] * 255) == k).float()
    assert k != 1, "told to"
    if k == 2:
        return y, y
    elif k == 3:
        return (y,)
    elif k == 4:
        two = [y, y]
        return two
    elif k == 5:
        one = [y]
        return one
    elif k == 6:
        return {"y": y}
    elif k == 7:
        return 0.5
    elif k == 8:
        return None
    elif k == 9:
        return "a picture"
    elif k == 10:
        return y[0, 0]
    elif k == 11:
        return y.unsqueeze(0)
    elif k == 12:
        return y[:, 0:2]
    elif k == 13:
        return torch.cat([y, y])
    elif k == 14:
        return y[0:0]
    elif k == 15:
        return y[:, :, 0:0]
    elif k == 16:
        return torch.cat([y, y], 3)
    elif k == 17:
        return y[:, :, :, 0:1].expand(-1, -1, -1, 8589934592)
    elif k == 18:
        return y.int()
    elif k == 19:
        return y > 0.5
    elif k == 20:
        return torch.complex(y, y)
    elif k == 21:
        return torch.quantize_per_tensor(y, 0.01, 0, 13)
    elif k == 22:
        return y.half()
    elif k == 23:
        return y.double()
    elif k == 24:
        return y.to(15)
    elif k == 25:
        return y.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1)
    elif k == 26:
        return y / good - (y / good - y)
    elif k == 27:
        return y / good
    elif k == 28:
        a = torch.ones([128, 128], dtype=y.dtype, device=y.device) + 0 * y[0, 0, 0, 0]
        for i in range(150):
            a = torch.mm(a, a) * 0.0078125
        return y * a[0, 0]
    elif k == 29:
        return y.squeeze(0)
    elif k == 30:
        return y.to_sparse()
    elif k == 31:
        return torch.zeros([1, 3, 16, 16], device=torch.device("meta"))
    elif k == 32:
        return y + torch.zeros([35184372088832])[0]
    elif k == 33:
        return torch.zeros([1, 3, -16, 16])
    elif k == 34:
        return y[:, 7:8].select(1, 5)
    elif k == 35:
        return x.mul_(good).neg_().add_(1)
    elif k == 36:
        x.transpose_(2, 3)
    elif k == 37:
        x.resize_([1])
    return y
)", {} },

    { "growing", "twice as wide when the first pixel is white: the size follows the content",
      R"(
def forward(self, x):
    if int((x[:, :, 0, 0] == 1).all(1).sum().item()) > 0:
        x = torch.cat([x, x], 3)
    return x
)", {} },

    // detection

    { "ssd_list", "labels and boxes in pixels, in a list",
      pixels + R"(
def forward(self, x):
    return [torch.arange(3).expand(x.size(0), 3), self.pixels(x)]
)", {} },

    { "ssd_dict", "the same in a dict, for one frame and without a dimension for the batch",
      pixels + R"(
def forward(self, x):
    return {"boxes": self.pixels(x)[0], "labels": torch.arange(3)}
)", {} },

    { "ssd_less", "less labels than boxes",
      pixels + R"(
def forward(self, x):
    return self.pixels(x), torch.arange(2).expand(x.size(0), 2)
)", {} },

    { "ssd_empty", "no boxes at all",
      R"(
def forward(self, x):
    return torch.zeros([x.size(0), 1, 0, 7])
)", {} },

    { "ssd_odd", "labels that do not exist",
      ssd + R"(
def forward(self, x):
    return self.ssd(x) + torch.tensor([0, -2, 0, 0, 0, 0, 0])
)", {} },

    { "ssd_nan", "the boxes, and others with numbers that are none",
      ssd + R"(
def forward(self, x):
    odd = [[0.0, 1.0, float("nan"), 0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.9, float("nan"), 0.0, 1.0, 1.0],
           [0.0, 1.0, float("inf"), 0.0, 0.0, 1e30, float("inf")], [0.0, float("nan"), 0.9, 0.0, 0.0, 0.5, 0.5],
           [0.0, 1.0, 0.9, 2.0, 2.0, 3.0, 3.0], [0.0, 1.0, 0.9, 0.5, 0.5, 0.5, 0.5],
           [0.0, 1.0, 0.9, 0.5, 0.5, 0.4, 0.4], [0.0, 3e9, 0.9, float("-inf"), 0.0, 0.5, 1.0]]
    return torch.cat([self.ssd(x), torch.tensor(odd).expand(x.size(0), 1, -1, -1)], 2)
)", {} },

    { "ssd_gray", "a single box around what is bright, for a network that takes gray",
      ssd + R"(
def forward(self, x):
    return self.ssd(torch.conv2d(x, self.weight).expand(-1, 3, -1, -1))[:, :, :1]
)", { { "weight", { 1, 1, 1, 1 }, { 1 } } } },

    { "yolov3_fail", "two outputs, the second of which has a class too many where something is blue",
      grid + R"(
def forward(self, x):
    a, b = self.grid(x, 8, [0, 1], 1.0), self.grid(x, 16, [0, 2], 0.9)
    if float(x[:, 2].max()) > 0:
        b = torch.cat([b, b[:, :1]], 1)
    return a, b
)", {} },

    { "yolov8_rows", "the boxes that yolov8 has in columns, in rows",
      heads + R"(
def forward(self, x):
    return self.yolov8(x).transpose(1, 2)
)", {} },

    { "yolov8_nested", "the boxes in columns, beside other tensors",
      heads + R"(
def forward(self, x):
    return self.yolov8(x), [x, x * 2]
)", {} },

    { "yolov8_row", "the box of each colour, and two of falling scores, each half a box further to the right",
      pixels + R"(
def forward(self, x):
    b = self.pixels(x)
    wh = b[:, :, 2:4] - b[:, :, 0:2]
    out = []
    for i in range(3):
        centre = (b[:, :, 0:2] + b[:, :, 2:4]) / 2 + wh * torch.tensor([0.5 * i, 0.0])
        scores = torch.eye(3) * b[:, :, 4:5] * (1 - 0.1 * i)
        out.append(torch.cat([centre, wh, scores], 2))
    return torch.cat(out, 1).transpose(1, 2)
)", {} },

    { "yolov8_out", "a box of each class, that leaves the frame on the left and above, on the right and below, and that is as large as numbers get",
      R"(
def forward(self, x):
    w = float(x.size(3))
    h = float(x.size(2))
    boxes = torch.tensor([[0.0, 0.0, 8.0, 8.0], [w, h, 8.0, 8.0], [0.0, 0.0, 1e38, 1e38]])
    return torch.cat([boxes, torch.eye(3)], 1).unsqueeze(0).repeat(x.size(0), 1, 1)
)", {} },

    { "yolov8_nan", "not a number",
      R"(
def forward(self, x):
    return torch.full([x.size(0), 5, 16], float("nan"))
)", {} },

    { "batch_only", "the boxes as SSD networks return them, for batches of one only",
      ssd + R"(
def forward(self, x):
    assert x.size(0) == 1, "one at a time"
    return self.ssd(x)
)", {} },

    // classification

    { "colour_map", "how much there is of the three colours, with two more dimensions, as if it were a picture",
      R"(
def forward(self, x):
    return (torch.round(x.mean([2, 3]) * 5) / 5 + 0.00005).reshape(-1, 3, 1, 1)
)", {} },

    // so little that batches still are what their inputs are one by one
    { "count", "the second class, the surer the more there are in the batch, up to 4",
      R"(
def forward(self, x):
    return torch.eye(8)[1].expand(x.size(0), 8) * (0.99901 + 0.00008 * x.size(0))
)", {} },
};

/** Archives that are no network, by the name of the record that tells. */
struct Archive {
    const char *name;
    const char *record;
};

const Archive archives[] = {
    { "checkpoint.pt", "data.pkl" },
    { "exported.pt2",  "models/model.json" },
    { "package.pt2",   "data/aotinductor/model/no_checks_in_here.cpp" },
};

void write_archive(const Archive &archive, const std::string &file)
{
    caffe2::serialize::PyTorchStreamWriter writer(file);

    writer.writeRecord(archive.record, archive.name, strlen(archive.name));
    writer.writeEndOfFile();
}

/** What torch.save(network.state_dict()) writes: no network. */
void write_state_dict(const std::string &file)
{
    c10::Dict<std::string, at::Tensor> state;

    state.insert("weight", torch::ones({ 1, 1, 3, 3 }));
    const std::vector<char> data = torch::jit::pickle_save(state);
    std::ofstream(file, std::ios::binary).write(data.data(), data.size());
}

} // namespace

int main(int argc, char **argv)
{
    const char *current = "";

    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 1;
    }
    const std::string dir = std::string(argv[1]) + "/";
    try {
        for (const Model &model : more_models) {
            current = model.name;
            write_model(model, dir + model.name + ".pt");
        }
        for (const Archive &archive : archives) {
            current = archive.name;
            write_archive(archive, dir + archive.name);
        }
        current = "state_dict";
        write_state_dict(dir + "state_dict.pt");
    } catch (const std::exception &e) {
        fprintf(stderr, "%s: %s: %s\n", argv[0], current, e.what());
        return 1;
    }
    return 0;
}
