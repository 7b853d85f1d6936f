# SPDX-License-Identifier: LGPL-2.1-or-later
# The part "build" of run.sh, which sources it.
# shellcheck shell=bash disable=SC2154
. "$here/nvcodec.sh"

# unpack DIR: FFmpeg's source.
unpack() {
    local archive
    archive=$(ls "$cache"/ffmpeg_9.0.*.orig.tar.xz "$cache"/ffmpeg-9.0.*.tar.* 2>/dev/null | head -n 1)
    [ -n "$archive" ] || die "FFmpeg's source is not in $cache: tests/cuda/fetch gets it"
    rm -rf "$1"
    mkdir -p "$1"
    tar -x --strip-components=1 -C "$1" -f "$archive" || die "cannot unpack $archive"
}

# The source with the series and this tree's own files.
prepare_source() {
    local f
    if [ -n "$given_src" ]; then
        ours_src=$given_src
    else
        ours_src=$work/src
        if [ "$(patches_sum)" != "$(cat "$ours_src/.applied" 2>/dev/null)" ]; then
            unpack "$ours_src"
            for f in patches/*/0*.patch; do
                patch -s -p1 -d "$ours_src" < "$f" || die "$f does not apply"
            done
            patches_sum > "$ours_src/.applied"
        fi
    fi
    owned "$root" | while IFS= read -r f; do
        cmp -s "$root/$f" "$ours_src/$f" && continue
        mkdir -p "$(dirname "$ours_src/$f")" && cp "$root/$f" "$ours_src/$f"
    done
}

# The library that records what the device does, where CUPTI is: the toolkit's, or
# that of Python's packages, which LibTorch then uses too.
build_trace() {
    local d include='' lib=''
    rm -f "$work/trace.so"
    for d in "$toolkit"/include "$toolkit"/extras/CUPTI/include "${torch:-/nowhere}"/../nvidia/{cu*,cuda_cupti}/include; do
        [ -f "$d/cupti.h" ] && include=$d && break
    done
    for d in "${torch:-/nowhere}"/../nvidia/{cu*,cuda_cupti}/lib "$toolkit"/lib64 "$toolkit"/lib "$toolkit"/extras/CUPTI/lib64; do
        lib=$(ls "$d"/libcupti.so* 2>/dev/null | head -n 1)
        [ -n "$lib" ] && break
    done
    [ -n "$include" ] && [ -n "$lib" ] ||
        { warn "no timelines: CUPTI's header ${include:-not found}, its library ${lib:-not found}"; return; }
    step "building the recorder" trace.log g++ -std=c++17 -O2 -Wall -fPIC -shared -o "$work/trace.so" "$here/trace.cpp" \
        -I"$include" ${cuda_include:+-I"$cuda_include"} "$lib" -Wl,-rpath,"${lib%/*}"
}

# What makes PTX of the kernels: clang, whose PTX any driver takes, else nvcc.
find_ptx_compiler() {
    ptx_options=()
    local kernel=$ours_src/libavfilter/dnn/torch/cuda_kernels.cu
    if have clang && clang -S -nocudalib -nocudainc --cuda-device-only --cuda-gpu-arch=sm_50 -O2 -std=c++11 \
            -Wno-c++11-narrowing -include "$ours_src/compat/cuda/cuda_runtime.h" -o "$work/kernels.ptx" "$kernel" 2>"$logs/clang.log"; then
        ptx_options=(--enable-cuda-llvm --nvccflags='--cuda-gpu-arch=sm_50 -O2')
    elif "$toolkit/bin/nvcc" -ptx -O2 -std=c++11 -o "$work/kernels.ptx" "$kernel" > "$logs/nvcc.log" 2>&1; then
        ptx_options=(--enable-cuda-nvcc --enable-nonfree --nvcc="$toolkit/bin/nvcc")
    fi
}

# A stand-in for the CUDA side of LibTorch, to compile against where it has none:
# nothing that is linked with it can run there.
make_stand_in() {
    stand_in=$work/stand-in
    mkdir -p "$stand_in/include/c10/cuda/impl" "$stand_in/lib"
    : > "$stand_in/include/c10/cuda/impl/cuda_cmake_macros.h"
    for l in torch_cuda c10_cuda; do
        echo "int stand_in_$l;" | gcc -shared -fPIC -x c - -o "$stand_in/lib/lib$l.so"
    done
}

configure_options() {
    local cxx='' ld='-Wl,--allow-shlib-undefined'
    mapfile -t options < <(grep -v '^#' scripts/trimmed)
    if [ -n "$torch" ]; then
        cxx="-isystem $torch/include -isystem $torch/include/torch/csrc/api/include"
        # Python wheels before 2.6 have the strings of GCC before 5 in their interface
        grep -qF __cxx1112basic_string "$torch/lib/libc10.so" || cxx="$cxx -D_GLIBCXX_USE_CXX11_ABI=0"
        ld="$ld -L$torch/lib -Wl,-rpath,$torch/lib"
    fi
    [ -z "$cuda_include" ] || cxx="$cxx -isystem $cuda_include"
    torch_cxx=$cxx torch_ld=$ld
    have nasm || options+=(--disable-x86asm)
    echo '#include <zlib.h>' | gcc -E - >/dev/null 2>&1 || options+=(--disable-zlib)
    options+=(--enable-filter=hwupload,hwupload_cuda,hwdownload,scale_cuda)
}

# configured DIR SOURCE OPTION...: FFmpeg's configure, where it did not run so before.
configured() {
    local dir=$1 from=$2 name=${1##*/} want
    shift 2
    want=$(printf '%q ' "$from" "$@"; cksum < "$from/configure")
    [ "$(cat "$dir/.options" 2>/dev/null)" = "$want" ] && return
    mkdir -p "$dir"
    (cd "$dir" && PKG_CONFIG_PATH="${nvcodec#system}${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}" \
        step "configuring $name" "configure-$name.log" "$from/configure" --pkg-config="$pkg_config" "$@") || {
        tail -n 25 "$dir/ffbuild/config.log" 2>/dev/null
        return 1
    }
    printf '%s\n' "$want" > "$dir/.options"
}

program() {             # NAME SOURCE...: a program against LibTorch
    local name=$1 api=${torch:-/usr}/include/torch/csrc/api/include standard=c++17
    shift
    # shellcheck disable=SC2086
    echo '#include <torch/torch.h>' | g++ $torch_cxx -isystem "$api" -std=c++17 -E -x c++ - >/dev/null 2>&1 ||
        standard=c++20
    # the last library registers the devices when it is loaded
    # shellcheck disable=SC2086
    step "building $name" "$name.log" g++ -O2 -std=$standard $torch_cxx -isystem "$api" -Ilibavfilter/dnn -I"$ours_src" -I"$work/ours" "$@" \
        -o "$work/$name" $torch_ld -ltorch -ltorch_cpu -lc10 -lpthread \
        ${gpu:+-Wl,--no-as-needed -ltorch_cuda -lc10_cuda}
}

configure_ours() {
    local cuda_options=()
    find_nvcodec "$cache" "$work"
    find_ptx_compiler
    if [ -n "$nvcodec" ] && [ ${#ptx_options[@]} != 0 ]; then
        cuda_options=(--enable-ffnvcodec --enable-nvdec --enable-hwaccel=h264_nvdec
                      --enable-nvenc --enable-encoder=h264_nvenc "${ptx_options[@]}")
    fi
    configured "$work/ours" "$ours_src" "${options[@]}" --enable-libtorch "${cuda_options[@]}" \
        --extra-cxxflags="$torch_cxx" --extra-ldflags="$torch_ld" || return
    if grep -q '^#define CONFIG_LIBTORCH_CUDA 1' "$work/ours/config.h"; then
        say "    with CUDA frames and graphs"
    else
        warn "without CUDA frames and graphs: nv-codec-headers ${nvcodec:-not found}," \
             "kernels by ${ptx_options[0]:-nothing}, see the end of $work/ours/ffbuild/config.log"
    fi
}

build_ours() {
    step "building ours" build-ours.log make -C "$work/ours" -j"$jobs" ffmpeg ffprobe || return
    step "building the tests" build-tests.log "$root/scripts/suite" "$work/ours" -j"$jobs" tests/dnn/torch_io \
        tests/data/dnn/suite
}

# The rehearsal cannot link what uses the device, but it can compile all of it.
rehearse_cuda() {
    if [ -z "$cuda_include" ] || [ -z "$nvcodec" ] || [ ${#ptx_options[@]} = 0 ]; then
        warn "the CUDA parts are not compiled: headers of the toolkit ${cuda_include:-not found}," \
             "nv-codec-headers ${nvcodec:-not found}, kernels by ${ptx_options[0]:-nothing}"
        return
    fi
    make_stand_in
    configured "$work/rehearsal" "$ours_src" "${options[@]}" --enable-libtorch --enable-ffnvcodec \
        "${ptx_options[@]}" --extra-cxxflags="$torch_cxx -I$stand_in/include" \
        --extra-ldflags="$torch_ld -L$stand_in/lib" || return
    grep -q '^#define CONFIG_LIBTORCH_CUDA 1' "$work/rehearsal/config.h" ||
        { warn "configure does not find the CUDA side of LibTorch"; return 1; }
    step "compiling the CUDA parts" build-rehearsal.log make -C "$work/rehearsal" -j"$jobs" \
        $(printf 'libavfilter/%s.o ' dnn/torch/cuda dnn/torch/cuda_launch dnn/torch/cuda_kernels.ptx cuda/load_helper)
}

build_upstream() {
    local from=$work/upstream-src standard=c++17
    if ! cmp -s tests/bench/upstream-9.0.2.diff "$from/.applied"; then
        unpack "$from"
        patch -s -p1 -d "$from" < tests/bench/upstream-9.0.2.diff || return
        cp tests/bench/upstream-9.0.2.diff "$from/.applied"
    fi
    # shellcheck disable=SC2086
    echo '#include <torch/torch.h>' | g++ $torch_cxx -isystem "${torch:-/usr}/include/torch/csrc/api/include" \
        -std=c++17 -E -x c++ - >/dev/null 2>&1 || standard=c++20
    configured "$work/upstream" "$from" "${options[@]}" --enable-libtorch --stdcxx=$standard \
        --extra-cxxflags="$torch_cxx -isystem ${torch:-/usr}/include/torch/csrc/api/include" \
        --extra-ldflags="$torch_ld" || return
    # not for all that configure links, which would take minutes
    [ -z "$gpu" ] || grep -q ltorch_cuda "$work/upstream/ffbuild/config.mak" ||
        sed -i 's/^EXTRALIBS-avfilter=/&-Wl,--push-state,--no-as-needed,-ltorch_cuda,-lc10_cuda,--pop-state /' \
            "$work/upstream/ffbuild/config.mak"
    step "building FFmpeg 9.0.2" build-upstream.log make -C "$work/upstream" -j"$jobs" ffmpeg
}

# What is beside ours. Its compilers run on few cores.
build_others() {
    program bare tests/bench/bare.cpp libavfilter/dnn/torch/{contents,fuse,graph,allocator}.cpp || return
    program make-nets tests/bench/nets.cpp || return
    mkdir -p "$work/nets" && "$work/make-nets" "$work/nets" || return
    build_trace || return
    # without it the benchmark has a column less
    build_upstream || warn "no FFmpeg 9.0.2 to compare with"
}

build_all() {
    local others rc
    prepare_source
    configure_options
    configure_ours || return
    build_others > "$logs/build-others.log" 2>&1 &
    others=$!
    build_ours && { [ -n "$gpu" ] || rehearse_cuda; }
    rc=$?
    say "building the benchmark (log: ${logs#"$root"/}/build-others.log)"
    wait $others || { tail -n 20 "$logs/build-others.log" >&2; return 1; }
    grep '^warning: ' "$logs/build-others.log" >&2
    return $rc
}
build_all
