# SPDX-License-Identifier: LGPL-2.1-or-later
# The part "bench" of run.sh, which sources it and calls bench_all. Frames/s by
# network, size, precision and batch; what stands behind each figure is in
# OUT/bench-NET.tsv.
# shellcheck shell=bash disable=SC2154

upstream=$work/upstream/ffmpeg ffmpeg=$work/ours/ffmpeg
device=${gpu:+cuda:0} device=${device:-cpu}
seconds=${DNN_BENCH_SECONDS:-3}     # that a measurement is to take, about
surfaces=''
if [ -z "$gpu" ] || grep -q '^#define CONFIG_LIBTORCH_CUDA 1' "$work/ours/config.h" 2>/dev/null; then surfaces=yes; fi

# rate FRAMES COMMAND...: frames/s of an ffmpeg from when a fifth of the frames are
# out to the last report but the one at its end: neither start nor end counts.
rate() {
    local frames=$1 binary=$2 log=$work/tmp/bench.log
    shift 2
    timeout -k 5 60 "$binary" -v warning -nostdin -nostats -stats_period 0.05 -progress pipe:1 "$@" 2>"$log" < /dev/null |
        while IFS='=' read -r key value; do
            case $key in
                frame)    echo -n "$EPOCHREALTIME $value " ;;
                progress) echo "$value" ;;
            esac
        done | awk -v frames="$frames" '
            $3 == "end" { last = $2; next }
            !t0 && $2 >= frames / 5 { t0 = $1; n0 = $2 }
            $2 > n { n = $2; t = $1 }
            END { if (last == frames && t0 && n > n0) printf "%.1f\n", (n - n0) / (t - t0); else print "-" }'
}

# of_kind KIND NET WIDTH HEIGHT PRECISION BATCH FRAMES: frames/s of a column
of_kind() {
    local kind=$1 net=$2 w=$3 h=$4 precision=$5 batch=$6 frames=$7
    local frames8="testsrc2=s=${w}x$h,trim=end_frame=8" loop="loop=loop=-1:size=8,trim=end_frame=$frames"
    local model="dnn_processing=dnn_backend=torch:model=$work/nets/$net.pt:device=${device/:/\\\\:}"
    local options="$model:precision=$precision:batch_size=$batch"
    case $kind in
        bare)     "$work/bare" device "$device" "$work/nets/$net.pt" 3 "$h" "$w" $(((frames + batch - 1) / batch)) \
                      "$batch" "$precision" 2>"$work/tmp/bench.log" || echo - ;;
        upstream) [ -x "$upstream" ] && [ "$precision$batch" = fp321 ] || { echo -; return; }
                  rate "$frames" "$upstream" -f lavfi -i "$frames8,format=rgb24,$loop" -vf "$model" -f null - ;;
        frames)   rate "$frames" "$ffmpeg" -f lavfi -i "$frames8,format=rgb24,$loop" -vf "$options" -f null - ;;
        cuda|graph)
                  [ -n "$surfaces" ] || { echo -; return; }
                  local fps
                  [ $kind = cuda ] || options+=:cuda_graph=1
                  fps=$(rate "$frames" "$ffmpeg" $hw_options -lavfi "$(for_here "$frames8,format=nv12,hwupload,$loop,$options:color=rgb")" -f null -)
                  # the network may have run without graphs
                  if grep -q 'no CUDA graphs' "$work/tmp/bench.log"; then fps=-; fi
                  echo "$fps" ;;
    esac
}

# How busy the device is while a command runs: mean of what nvidia-smi says.
busy() {
    [ -n "$gpu" ] || { "$@"; return; }
    nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits -lms 100 > "$work/tmp/busy" 2>/dev/null &
    local pid=$!
    "$@"
    kill $pid
    wait $pid 2>/dev/null
}
# the start of the program is in the samples: the upper half of them is meant
busy_share() { sort -n "$work/tmp/busy" 2>/dev/null | awk '{ v[NR] = $1 } END { for (i = int(NR / 2) + 1; i <= NR; i++) s += v[i]; if (NR) printf "%.0f", s / (NR - int(NR / 2)); else print "-" }'; }

bench_net() {
    local net=$1 size precision batch bare few frames kind fps table=$out/bench-$1.tsv line share
    printf 'network\tsize\tprecision\tbatch\tcolumn\tframes/s\tof bare\tGPU busy %%\n' > "$table"
    for size in ${DNN_BENCH_SIZES:-1280x720 1920x1080}; do
        for precision in fp32 fp16; do
            [ -n "$gpu" ] || [ $precision = fp32 ] || continue  # the CPU is no judge of that
            for batch in 1 4; do
                few=$(of_kind bare "$net" "${size%x*}" "${size#*x}" $precision $batch $((batch * 4)))
                [ "$few" != - ] || { warn "the bare loop failed: $(tail -n 1 "$work/tmp/bench.log")"; continue; }
                frames=$(awk -v r="$few" -v s="$seconds" -v b=$batch \
                    'BEGIN { n = int(r * s / b) * b; print (n < 5 * b ? 5 * b : (n > 6000 ? 6000 : n)) }')
                bare=$(of_kind bare "$net" "${size%x*}" "${size#*x}" $precision $batch "$frames")
                line="$net $size $precision batch $batch:"
                for kind in bare upstream frames cuda graph; do
                    share=-
                    if [ $kind = bare ]; then
                        fps=$bare
                    else
                        local n=$frames
                        # 9.0.2 is slow: a tenth will do
                        [ $kind != upstream ] || n=$((frames / 10 > 20 ? frames / 10 : 20))
                        busy of_kind $kind "$net" "${size%x*}" "${size#*x}" $precision $batch "$n" > "$work/tmp/fps"
                        fps=$(cat "$work/tmp/fps")
                        [ -z "$gpu" ] || share=$(busy_share)
                        [ "$fps" != - ] || [ ! -s "$work/tmp/bench.log" ] || warn "$kind: $(tail -n 1 "$work/tmp/bench.log")"
                    fi
                    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$net" "$size" $precision $batch $kind "$fps" \
                        "$(awk -v a="$fps" -v b="$bare" 'BEGIN { if (a == "-" || b <= 0) print "-"; else printf "%.2f", a / b }')" \
                        "$share" >> "$table"
                    line="$line $kind $fps"
                done
                say "$line"
            done
        done
    done
    # the claims: CUDA frames 0.95 of the bare loop, CPU frames 0.80, four times 9.0.2
    awk -F '\t' -v rehearsal=$([ -n "$gpu" ] || echo 1) '
        NR == 1 { next }
        { fps[$2 " " $3 " " $4, $5] = $6; of[$2 " " $3 " " $4, $5] = $7; rows[$2 " " $3 " " $4] = NR }
        END {
            if (rehearsal) print "A rehearsal without a device: these figures mean nothing.\n"
            print "| size, precision, batch | bare | 9.0.2 | CPU frames | CUDA frames | graphs | CPU / bare | CUDA / bare | CUDA / 9.0.2 |"
            print "|---|---|---|---|---|---|---|---|---|"
            for (n = 2; n <= NR; n++) for (r in rows) if (rows[r] == n) {
                u = fps[r, "upstream"]; c = fps[r, "cuda"]
                print "| " r " | " fps[r, "bare"] " | " u " | " fps[r, "frames"] " | " c " | " fps[r, "graph"] " | " \
                      of[r, "frames"] " | " of[r, "cuda"] " | " (u > 0 && c > 0 ? sprintf("%.1f", c / u) : "-") " |"
            }
        }' "$table" > "$out/bench-$net.md"
    cat "$out/bench-$net.md"
}

bench_all() {
    local net
    [ -x "$ffmpeg" ] && [ -x "$work/bare" ] || die "nothing is built: run.sh build"
    [ -z "$gpu" ] || nvidia-smi > "$out/nvidia-smi.txt"
    for net in $(named espcn compact); do bench_net "$net"; done
}
