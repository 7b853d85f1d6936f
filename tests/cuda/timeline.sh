# SPDX-License-Identifier: LGPL-2.1-or-later
# The part "timeline" of run.sh, which sources it after bench.sh: a run of ESPCN with
# each sort of frames is recorded by trace.cpp; OUT/timeline.png shows some
# milliseconds of each, OUT/timeline.md how busy the device was.
# shellcheck shell=bash disable=SC2154

timeline_of() {         # KIND SIZE FRAMES: a recording
    local size=$2
    CUDA_INJECTION64_PATH=$work/trace.so DNN_TRACE=$work/tmp/$1.tsv \
        of_kind "$1" espcn "${size%x*}" "${size#*x}" fp16 1 "$3" > "$work/tmp/fps"
    [ -s "$work/tmp/$1.tsv" ] || { warn "$1: nothing was recorded: $(tail -n 1 "$work/tmp/bench.log")"; return 1; }
}

timelines() {
    local size=${DNN_BENCH_SIZES:-1280x720} kind frames=300 recorded=()
    size=${size%% *}
    [ -x "$ffmpeg" ] || die "nothing is built: run.sh build"
    [ -n "$gpu" ] || { say "no timelines: a recording takes a device (tests/check.d/cuda draws a made up one)"; return; }
    [ -f "$work/trace.so" ] || die "the recorder is not built: CUPTI was not found"
    for kind in frames cuda graph; do
        timeline_of $kind "$size" $frames || continue
        case $kind in
            frames) recorded+=("CPU frames=$work/tmp/$kind.tsv") ;;
            cuda)   recorded+=("CUDA frames=$work/tmp/$kind.tsv") ;;
            graph)  recorded+=("CUDA frames, graphs=$work/tmp/$kind.tsv") ;;
        esac
    done
    [ ${#recorded[@]} != 0 ] || return 1
    python3 "$here/timeline.py" --title "ESPCN, $size, fp16, batch 1" --frames $frames \
        --picture "$out/timeline.png" "${recorded[@]}" > "$out/timeline.md" || return
    cat "$out/timeline.md"
}
timelines
