#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/cuda/run.sh [OPTION...] PART...: build and test on a machine with a CUDA
# device, and measure; it needs no Internet access. PART is
#   build                 what the others run
#   fate                  the tests that need no device, with this LibTorch
#   test [GROUP]...       what only a device can show: frames, surfaces, sanitizer
#   bench [espcn|compact] frames/s
#   timeline              what the device did when, as pictures
# OPTION is
#   --cache DIR      what tests/cuda/fetch brought (default: $DNN_CACHE, else
#                    build/cuda-cache, else ~/.cache/ffmpeg-dnn-torch)
#   --libtorch DIR   an unpacked LibTorch (default: that of python3's torch)
#   --cuda DIR       the CUDA Toolkit (default: where nvcc is, or /usr/local/cuda)
#   --out DIR        for tables and logs (default: build/cuda/out)
#   --src DIR        a source with the series applied (default: the cache's
#                    archive and patches/)
#   --no-gpu         a rehearsal: all that takes no device, with any LibTorch
. "$(dirname "$0")/../../scripts/lib.sh"
cd "$root" || exit 1
unset MAKEFLAGS MFLAGS MAKEOVERRIDES
here=$root/tests/cuda work=$build/cuda
out=$work/out cache='' libtorch='' toolkit='' given_src='' gpu=yes parts=()
while [ $# != 0 ]; do
    case $1 in
        --cache|--libtorch|--cuda|--out|--src)
            [ $# -ge 2 ] || die "$1 needs a folder"
            case $1 in
                --cache)    cache=$(realpath "$2") ;;
                --libtorch) libtorch=$(realpath "$2") ;;
                --cuda)     toolkit=$(realpath "$2") ;;
                --out)      mkdir -p "$2"; out=$(realpath "$2") ;;
                --src)      given_src=$(realpath "$2") ;;
            esac
            shift ;;
        --no-gpu)   gpu='' ;;
        build|fate|test|bench|timeline|espcn|compact|frames|surfaces|sanitizer) parts+=("$1") ;;
        *) sed -n '3,20s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done
[ ${#parts[@]} != 0 ] || { sed -n '3,20s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$work/tmp" "$out" || exit 1
# what the driver compiles of the kernels once is good for all programs
export CUDA_CACHE_PATH=$work/kernel-cache
logs=$out/logs
mkdir -p "$logs"

# ---- What is here -----------------------------------------------------------------
if [ -z "$cache" ]; then
    for cache in "${DNN_CACHE-}" "$build/cuda-cache" "$downloads"; do
        [ -n "$cache" ] && [ -d "$cache" ] && break
    done
fi
missing=()
for p in make gcc g++ tar xz patch awk; do have $p || missing+=("$p"); done
[ ${#missing[@]} = 0 ] || die "missing: ${missing[*]}"

if [ -z "$libtorch" ] && have python3; then
    libtorch=$(python3 -c 'import torch, os; print(os.path.dirname(torch.__file__))' 2>/dev/null)
fi
for torch in "$libtorch" "$libtorch/libtorch" "$libtorch/torch" ''; do
    [ -f "$torch/include/torch/csrc/api/include/torch/torch.h" ] && break
done
if [ -z "$torch" ]; then    # the system's has no folder of its own
    echo '#include <torch/csrc/api/include/torch/version.h>' | g++ -E -x c++ - >/dev/null 2>&1 ||
        die "there is no LibTorch: give it with --libtorch DIR"
elif [ -n "$gpu" ] && [ ! -e "$torch/lib/libtorch_cuda.so" ]; then
    die "$torch is a LibTorch without CUDA (lib/libtorch_cuda.so is not there)"
fi
if [ -z "$toolkit" ]; then
    toolkit=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
    toolkit=$(dirname "$(dirname "$(realpath "$toolkit")")")
fi
# The headers may be in a folder for the machine, or come with Python's packages.
cuda_include=''
for d in "$toolkit"/include "$toolkit"/targets/*/include \
         "${torch:-/nowhere}"/../nvidia/cu*/include "${torch:-/nowhere}"/../nvidia/cuda_runtime/include; do
    [ -f "$d/cuda_runtime_api.h" ] && cuda_include=$d && break
done
if [ -n "$gpu" ]; then
    [ -n "$cuda_include" ] || die "cuda_runtime_api.h is not in $toolkit: give the CUDA Toolkit with --cuda DIR"
    have nvidia-smi && nvidia-smi -L | grep -q GPU || die "nvidia-smi finds no GPU (--no-gpu: a rehearsal)"
fi

say "LibTorch:     ${torch:-that of the system}"
say "CUDA headers: ${cuda_include:-none}"
say "cache:        $cache"
if [ -n "$gpu" ]; then say "GPU:          $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1)"; fi

# What makes frames of the device, for ffmpeg, and a graph's filters for them;
# without a device the same graphs run without.
hw_options='-init_hw_device cuda=cu:0,primary_ctx=1 -filter_hw_device cu'
[ -n "$gpu" ] || hw_options=''
for_here() {
    if [ -n "$gpu" ]; then printf '%s\n' "$1"
    else sed 's/hwupload,//g; s/,hwdownload//g; s/scale_cuda/scale/g' <<< "$1"; fi
}

# named PART...: those of them that the command line names, else all, a line each.
named() {
    local p
    for p; do
        case " ${parts[*]} " in *" $p "*) echo "$p" ;; esac
    done | grep . || printf '%s\n' "$@"
}

# shellcheck disable=SC1090
rc=0
for ((i = 0; i < ${#parts[@]}; i++)); do
    from=$SECONDS
    case ${parts[i]} in
        build) . "$here/build.sh" ;;
        fate)  step "fate-suite" fate.log "$root/scripts/suite" "$work/ours" -k -j"$jobs" fate-suite &&
                   say "fate-suite: $(grep -c '^TEST' "$logs/fate.log") tests passed" ;;
        test)  . "$here/test.sh" ;;
        bench) . "$here/bench.sh" && bench_all ;;
        timeline) . "$here/bench.sh" && . "$here/timeline.sh" ;;
        espcn|compact|frames|surfaces|sanitizer) continue ;;
    esac || rc=1
    say "== ${parts[i]}: $((SECONDS - from)) s"
done
exit $rc
