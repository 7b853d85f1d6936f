#!/usr/bin/env python3
#
# This file is part of FFmpeg.
#
# FFmpeg is free software; you can redistribute it and/or
# modify it under the terms of the GNU Lesser General Public
# License as published by the Free Software Foundation; either
# version 2.1 of the License, or (at your option) any later version.
#
# FFmpeg is distributed in the hope that it will be useful,
# but WITHOUT ANY WARRANTY; without even the implied warranty of
# MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
# Lesser General Public License for more details.
#
# You should have received a copy of the GNU Lesser General Public
# License along with FFmpeg; if not, write to the Free Software
# Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA

"""Make a file that FFmpeg's torch backend can run of a network's source and
its checkpoint: TorchScript (.pt), or a package compiled for the machine this
runs on (.pt2, PyTorch 2.7 or later and a C++ compiler). What was written is
loaded again and compared with the module itself.

    dnn_torch_export.py nets.py:Upscaler --args upscale=4 \\
        --checkpoint weights.pth net.pt net.pt2
"""

import argparse
import ast
import ctypes.util
import importlib
import importlib.util
import os
import sys
import warnings

import torch

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
# where training scripts put the weights within a checkpoint
WEIGHTS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "generator", "net")


class Failure(Exception):
    """what ends the program, for the user to read"""


def first_line(error):
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]


def last_line(error):
    """where TorchScript says what went wrong"""
    return (str(error).strip() or type(error).__name__).splitlines()[-1]


def find_class(spec):
    """spec: FILE.py:NAME or PACKAGE.MODULE:NAME"""
    place, colon, name = spec.rpartition(":")
    if not colon:
        raise Failure(f"{spec}: write FILE.py:CLASS or PACKAGE.MODULE:CLASS")
    try:
        if place.endswith(".py"):
            sys.path.insert(0, os.path.dirname(os.path.abspath(place)))
            plan = importlib.util.spec_from_file_location("dnn_torch_network", place)
            module = importlib.util.module_from_spec(plan)
            # where torch looks for the source of what it compiles
            sys.modules["dnn_torch_network"] = module
            plan.loader.exec_module(module)
        else:
            sys.path.insert(0, os.getcwd())
            module = importlib.import_module(place)
    except (ImportError, OSError, SyntaxError) as error:
        raise Failure(f"{place}: {first_line(error)}") from error
    if not hasattr(module, name):
        raise Failure(f"{place} has no {name}")
    return getattr(module, name)


def parse_args(pairs):
    """["upscale=4", "act=prelu"] -> {"upscale": 4, "act": "prelu"}"""
    values = {}
    for pair in pairs:
        key, _, text = pair.partition("=")
        try:
            values[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[key] = text
    return values


def load_weights(net, path):
    try:
        # weights only: a checkpoint must not run code
        data = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from error
    except Exception as error:
        raise Failure(f"{path}: not a checkpoint with weights only: {first_line(error)}") from error
    for key in WEIGHTS:
        if isinstance(data, dict) and isinstance(data.get(key), dict):
            data = data[key]
            break
    if not isinstance(data, dict):
        raise Failure(f"{path}: there are no weights by name in it")
    weights = {key[len("module."):] if key.startswith("module.") else key: value
               for key, value in data.items()}
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        raise Failure(f"{path} does not fit the network: " + " ".join(lines[1:3])[:300]) from error


def make_network(options):
    make = find_class(options.network)
    try:
        net = make(**parse_args(options.args))
    except TypeError as error:
        raise Failure(f"{options.network}: {first_line(error)} (see --args)") from error
    if not isinstance(net, torch.nn.Module):
        raise Failure(f"{options.network} does not make a torch.nn.Module")
    if options.checkpoint:
        load_weights(net, options.checkpoint)
    net.eval()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    return net


def save_script(net, example, path):
    """@return how it was made"""
    try:
        torch.jit.script(net).save(path)
        return "scripted"
    except Exception as error:
        reason = first_line(error)
    try:
        torch.jit.trace(net, example).save(path)
    except Exception as error:
        raise Failure(f"neither scripted ({reason}) nor traced ({first_line(error)})") from error
    return f"traced, because it cannot be scripted: {reason}"


def have_sleef():
    """torch tries the CPU's vector instructions in processes of its own, with code
    that calls SLEEF. Where that is a library of its own, as in Debian, nothing
    loads it there."""
    sleef = ctypes.util.find_library("sleef")
    if sleef:
        os.environ.setdefault("LD_PRELOAD", sleef)


def save_package(net, example, path, options):
    """@return how it was made"""
    have_sleef()
    if not hasattr(torch._inductor, "aoti_compile_and_package"):
        raise Failure(f"a .pt2 takes PyTorch 2.7 or later, this is {torch.__version__}")
    shapes = None
    if not options.fixed:
        step = options.multiple
        sides = [torch.export.Dim(name, min=2, max=16384 // step) for name in ("_h", "_w")]
        if step > 1:
            sides = [step * side for side in sides]
        shapes = ({2: sides[0], 3: sides[1]},)
    try:
        program = torch.export.export(net, (example,), dynamic_shapes=shapes)
    except Exception as error:
        hint = "" if options.fixed else \
            " (a network that takes only some sizes: --multiple 4, or --fixed and --size)"
        raise Failure(f"torch.export: {first_line(error)}{hint}") from error
    try:
        torch._inductor.aoti_compile_and_package(
            program, package_path=os.path.abspath(path),
            # the number of threads is chosen when it runs
            inductor_configs={"freezing": True, "cpp.dynamic_threads": True})
    except Exception as error:
        raise Failure(f"AOTInductor: {first_line(error)}") from error
    how = "compiled for this machine"
    if options.device == "cpu":
        from torch._inductor import cpu_vec_isa
        if not cpu_vec_isa.valid_vec_isa_list():
            how += ", without its vector instructions, slow: torch could not compile with them " \
                   "(Debian: libsleef-dev)"
    return how


def load(path):
    if path.endswith(".pt2"):
        return torch._inductor.aoti_load_package(path)
    return torch.jit.load(path)


def make_batch(batch, height, width, options):
    picture = torch.rand(batch, options.channels, height, width,
                         generator=torch.Generator().manual_seed(height * width))
    return picture.to(options.device, TYPES[options.precision])


def find_multiple(net, options):
    """@return what has to divide width and height, None: the network takes one size"""
    height, width = options.size
    for step in (options.multiple, 2, 4, 8, 16, 32, 64, 3, 6, 12, 24, 48, 5, 10, 20, 40, 7, 14, 28, 56, 128):
        if step % options.multiple or height % step or width % step:
            continue
        try:
            net(make_batch(options.batch, height + 2 * step, width + 3 * step, options))
            return step
        except Exception:
            pass
    return None


def difference(net, path, shapes, options):
    """@return how far the file is from the module at most, in levels of 255"""
    worst = 0.0
    saved = load(path)
    for batch, height, width in shapes:
        picture = make_batch(batch, height, width, options)
        expected = net(picture)
        try:
            result = saved(picture)
        except Exception as error:
            raise Failure(f"{path} fails with {tuple(picture.shape)}, which the module takes: "
                          f"{last_line(error)}") from error
        if isinstance(result, (list, tuple)):
            result = result[0]
        if result.shape != expected.shape:
            raise Failure(f"{path} gives {tuple(result.shape)} for {tuple(picture.shape)}, "
                          f"the module {tuple(expected.shape)}")
        worst = max(worst, (result.float() - expected.float()).abs().max().item() * 255)
    return worst


def parse_command_line():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", help="FILE.py:CLASS or PACKAGE.MODULE:CLASS")
    parser.add_argument("outputs", nargs="*", metavar="OUTPUT", help="net.pt, net.pt2")
    parser.add_argument("--checkpoint", help="file with the weights; random ones without")
    parser.add_argument("--args", nargs="+", default=[], metavar="NAME=VALUE",
                        help="what the class is made with")
    parser.add_argument("--precision", choices=TYPES, default="fp32")
    parser.add_argument("--channels", type=int, default=3, help="3: RGB, 1: gray or luma [3]")
    parser.add_argument("--size", default="96x64", metavar="WxH",
                        help="of the pictures to trace and test with [96x64]")
    parser.add_argument("--batch", type=int, default=1, help="frames in one run [1]")
    parser.add_argument("--fixed", action="store_true", help=".pt2: for this size only, maybe faster")
    parser.add_argument("--multiple", type=int, default=1, metavar="N",
                        help="for sizes that N divides [found by trying; .pt2: 1]")
    parser.add_argument("--device", default="cpu", help="to compile for and test on [cpu]")
    options = parser.parse_intermixed_args()
    # argparse takes all words behind --args
    options.outputs += [word for word in options.args if "=" not in word]
    options.args = [word for word in options.args if "=" in word]
    if not options.outputs:
        parser.error("an OUTPUT is missing: net.pt or net.pt2")
    width, x, height = options.size.partition("x")
    if not (x and width.isdigit() and height.isdigit()):
        parser.error("--size: write WIDTHxHEIGHT")
    options.size = (int(height), int(width))
    for path in options.outputs:
        if not path.endswith((".pt", ".pt2")):
            parser.error(f"{path}: the name of an output has to end in .pt or .pt2"
                         f"{', what the class is made with is NAME=VALUE' if options.args else ''}")
    return options


def export(options):
    net = make_network(options).to(options.device, TYPES[options.precision])
    height, width = options.size
    example = torch.rand(options.batch, options.channels, height, width)
    example = example.to(options.device, TYPES[options.precision])
    try:
        output = net(example)
    except Exception as error:
        raise Failure(f"the network does not run in {options.precision} on {options.device}: "
                      f"{first_line(error)}") from error
    if not isinstance(output, torch.Tensor) or output.dim() != 4 or \
            output.shape[1] != options.channels:
        raise Failure("the network has to return one tensor [N, C, H, W] of as many channels as "
                      "it takes")

    multiple = find_multiple(net, options)
    for path in options.outputs:
        package = path.endswith(".pt2")
        if package:
            how = save_package(net, example, path, options)
        else:
            how = save_script(net, example, path)
        shapes = [(options.batch, height, width)]
        if multiple and not (package and options.fixed):
            shapes.append((options.batch, height + 2 * multiple, width + 3 * multiple))
        # the last frames of a video may be fewer; a trace may hold the batch it was made with
        if options.batch > 1 and not package:
            shapes.append((1, height, width))
        error = difference(net, path, shapes, options)
        # rounding to 16 bits happens at other places in compiled code
        limit = 0.1 if options.precision == "fp32" else 8
        print(f"{path}: {how}; at most {error:.3g} of 255 from the module")
        if not error <= limit:
            raise Failure(f"{path} does not do what the module does")
        if not multiple:
            print(f"    it takes {width}x{height} only: scale={width}:{height} before it")
        setting = ""
        if multiple and multiple > 1:
            setting += f":pad={multiple}"
        if not package and options.precision != "fp32":
            setting += f":precision={options.precision}"
        if options.batch > 1:
            setting += f":batch_size={options.batch}"
        if options.device != "cpu":
            setting += f":device={options.device}"
        before, after = ("format=rgb24,", ",format=yuv420p") if options.channels == 3 \
            else ("format=yuv420p,", "")
        print(f"    ffmpeg -i in.mp4 -vf \"{before}dnn_processing=dnn_backend=torch:model={path}"
              f"{setting}{after}\" out.mp4")


def main():
    options = parse_command_line()
    warnings.simplefilter("ignore")
    try:
        with torch.no_grad():
            export(options)
    except Failure as failure:
        sys.exit(f"error: {failure}")


if __name__ == "__main__":
    main()
