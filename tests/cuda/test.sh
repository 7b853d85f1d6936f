# SPDX-License-Identifier: LGPL-2.1-or-later
# The part "test" of run.sh, which sources it. Prints a line a test; the last line
# is "N passed, N failed". In a rehearsal the device is the CPU, so that most of it
# compares the same with itself, and shows no more than that the tests can be run.
# shellcheck shell=bash disable=SC2154

ffmpeg=$work/ours/ffmpeg models=$work/ours/tests/data/dnn
device=${gpu:+cuda:0} device=${device:-cpu}
surfaces=''
if [ -z "$gpu" ] || grep -q '^#define CONFIG_LIBTORCH_CUDA 1' "$work/ours/config.h" 2>/dev/null; then surfaces=yes; fi

ok()   { printf 'ok    %s (%s s)\n' "$1" $((SECONDS - from)); }
bad()  { printf 'FAIL  %s: %s\n' "$1" "$2"; }
skip() { printf 'skip  %s: %s\n' "$1" "$2"; }

# one NAME COMMAND...: its exit code tells; what it printed is kept in a log.
one() {
    local name=$1 rc
    shift
    from=$SECONDS
    timeout -k 10 "${limit:-120}" "$@" > "$logs/$name.log" 2>&1 < /dev/null
    rc=$?
    if [ $rc = 0 ]; then ok "$name"; else bad "$name" "exit code $rc: $(tail -n 1 "$logs/$name.log")"; fi
}

net() { echo "dnn_processing=dnn_backend=torch:model=$models/$1.pt${2:+:}${2-}"; }
run() { timeout -k 10 100 "$ffmpeg" -v error -nostdin "$@"; }
there() { echo "device=${device/:/\\\\:}${1:+:}${1-}"; }

# same NAME CPU-GRAPH DEVICE-GRAPH...: each of the others makes the same frames.
same() {
    local name=$1 want got graph
    shift
    from=$SECONDS
    want=$(run $hw -lavfi "$(for_here "$1")" -f framemd5 - 2>"$logs/$name.log") ||
        { bad "$name" "on the CPU: $(tail -n 1 "$logs/$name.log")"; return; }
    want=$(grep -v '^#' <<< "$want")
    [ -n "$want" ] || { bad "$name" "no frames"; return; }
    shift
    for graph; do
        got=$(run $hw -lavfi "$(for_here "$graph")" -f framemd5 - 2>>"$logs/$name.log") ||
            { bad "$name" "$graph: $(tail -n 1 "$logs/$name.log")"; return; }
        [ "$(grep -v '^#' <<< "$got")" = "$want" ] || { bad "$name" "other frames than on the CPU: $graph"; return; }
    done
    ok "$name"
}
hw=''

# near NAME DB GRAPH DEVICE-GRAPH: PSNR of one against the other.
near() {
    local name=$1 least=$2 db
    from=$SECONDS
    db=$(timeout -k 10 100 "$ffmpeg" -v info -nostdin -nostats $hw \
        -filter_complex "$(for_here "$3")[a];$(for_here "$4")[b];[a][b]psnr" -f null - 2>&1 | tee "$logs/$name.log" |
        sed -n 's/.*average:\(inf\|[0-9.]*\).*/\1/p')
    if [ "$db" = inf ] || awk -v a="${db:-0}" -v b="$least" 'BEGIN { exit !(a >= b) }'; then
        ok "$name, $db dB"
    else
        bad "$name" "${db:-no} dB, wanted $least: $(grep -v '^\(Press\|Output\|Stream\)' "$logs/$name.log" | tail -n 1)"
    fi
}

# fails NAME PATTERN FRAMES GRAPH: so many frames, then an error that has the pattern.
fails() {
    local name=$1 rc frames
    from=$SECONDS
    frames=$(timeout -k 10 100 "$ffmpeg" -v error -nostdin $hw -lavfi "$(for_here "$4")" -f framecrc - 2>"$logs/$name.log")
    rc=$?
    frames=$(grep -c '^[0-9]' <<< "$frames")
    if [ $rc = 0 ]; then bad "$name" "it did not fail"
    elif [ $rc -ge 124 ] && [ $rc -le 139 ]; then bad "$name" "exit code $rc: crashed or stood still"
    elif ! grep -q -e "$2" "$logs/$name.log"; then bad "$name" "no line with \"$2\""
    elif [ "$frames" != "$3" ]; then bad "$name" "$frames frames came out, not $3"
    else ok "$name"; fi
}

source_of() { echo "testsrc2=s=130x74:r=10:d=${2:-1},scale,format=$1"; }

test_kernels() {        # bit by bit: frames of the CPU, and surfaces
    limit=300 one ports "$work/ours/tests/dnn/torch_io" "$device"
}

test_formats() {
    local formats='rgb24 bgr24 gbrp rgba bgra argb abgr gbrap gbrp9 gbrp10 gbrp12 gbrp14 gbrp16 rgb48 bgr48 rgba64
        bgra64 gbrap10 gbrap12 gbrap16 gbrpf32 gbrapf32 gray ya8 gray9 gray10 gray12 gray14 gray16 ya16 grayf32
        yuv410p yuv411p yuv420p yuv422p yuv440p yuv444p yuv420p9 yuv422p9 yuv444p9 yuv420p10 yuv422p10 yuv440p10
        yuv444p10 yuv420p12 yuv422p12 yuv440p12 yuv444p12 yuv420p14 yuv422p14 yuv444p14 yuv420p16 yuv422p16
        yuv444p16 yuva420p yuva422p yuva444p yuva420p10 yuva422p10 yuva444p10 yuva422p12 yuva444p12 yuva420p16
        yuva422p16 yuva444p16 nv12 nv21 nv16 nv24 p010 p012 p016 p210 p216 p410 p416'
    local f cpu=() cuda=() name=formats dir=$work/tmp
    from=$SECONDS
    for f in $formats; do
        cpu+=(-lavfi "$(source_of $f 0.2),$(net up2)")
        cuda+=(-lavfi "$(source_of $f 0.2),$(net up2 "$(there)")")
    done
    # in one process each: a start of LibTorch takes longer than the frames
    timeout 250 "$ffmpeg" -v error -nostdin "${cpu[@]}" -f framemd5 -y "$dir/cpu.md5" 2>"$logs/$name.log" &&
        timeout 250 "$ffmpeg" -v error -nostdin "${cuda[@]}" -f framemd5 -y "$dir/there.md5" 2>>"$logs/$name.log" ||
        { bad "$name" "$(tail -n 1 "$logs/$name.log")"; return; }
    if cmp -s "$dir/cpu.md5" "$dir/there.md5"; then ok "$name"
    else bad "$name" "$(diff "$dir/cpu.md5" "$dir/there.md5" | grep -c '^>') frames differ"; fi
}

test_options() {
    local o graphs=()
    for o in '' async=0 nireq=1 nireq=12:workers=4 batch_size=4 batch_size=3:workers=2 pad=32 color=bgr \
             'mean=10|20|30:scale=200|100|50' tile=64x32:overlap=8 memory_format=channels_last optimize=none; do
        same "option-${o:-none}" "$(source_of rgb24),$(net up2 "$o")" "$(source_of rgb24),$(net up2 "$(there "$o")")"
    done
    same window "$(source_of rgb24),$(net middle_of_three frames=3:stack=time)" \
        "$(source_of rgb24),$(net middle_of_three "$(there frames=3:stack=time)")"
    for o in workers=1 workers=4:nireq=16 batch_size=4; do graphs+=("$(source_of rgb24 5),$(net roll "$(there $o)")"); done
    same order "$(source_of rgb24 5),$(net roll)" "${graphs[@]}"
    for o in fp16 bf16; do
        [ -n "$gpu" ] || { skip precision-$o "not every LibTorch can on the CPU"; continue; }
        near "precision-$o" $([ $o = fp16 ] && echo 55 || echo 38) \
            "$(source_of yuv420p),dnn_processing=dnn_backend=torch:model=demo/sr2x.pt" \
            "$(source_of yuv420p),dnn_processing=dnn_backend=torch:model=demo/sr2x.pt:$(there precision=$o)"
    done
    near precision-fp32 55 "$(source_of yuv420p),dnn_processing=dnn_backend=torch:model=demo/sr2x.pt" \
        "$(source_of yuv420p),dnn_processing=dnn_backend=torch:model=demo/sr2x.pt:$(there)"
}

test_faults() {
    local src k white="testsrc2=s=64x48:r=5:d=2,format=rgb24,drawbox=w=1:h=1:t=fill:c=black,drawbox=w=1:h=1:t=fill:c=white:enable=eq(n\,5)"
    src=$(source_of rgb24)
    fails no-such-device 'there is no device cuda:99: this LibTorch' 0 "$src,$(net identity 'device=cuda\\:99')"
    fails frame-6 'frame 6 .*white pixel' 5 "$white,$(net fail_white "$(there nireq=8)")"
    fails frame-6-batch 'frame 6 .*white pixel' 5 "$white,$(net fail_white "$(there batch_size=4)")"
    fails memory-6 'frame 6 .*out of memory' 5 "$white,$(net memory_white "$(there batch_size=4)")"
    same memory-halved "testsrc2=s=64x48:r=5:d=2,format=rgb24,drawbox=w=1:h=1:t=fill:c=0x020202" \
        "testsrc2=s=64x48:r=5:d=2,format=rgb24,$(net memory "$(there batch_size=8)")"
    for k in 1 2 3 5 8; do
        one "stop-after-$k" "$ffmpeg" -v error -nostdin -lavfi "$(source_of rgb24 60),$(net slow "$(there nireq=16)")" \
            -frames:v $k -f null -
    done
    # 124: it ended by itself after the signal
    for k in 1 2; do
        one "interrupt-$k" bash -c "timeout -s INT -k 10 $((6 + k)) '$ffmpeg' -v error -nostdin -re -f lavfi -i '$(source_of rgb24 600)' \
            -vf '$(net identity "$(there)")' -f null -; [ \$? = 124 ]"
    done
}

# The device's own lack of memory: a small share of it is all that LibTorch may have.
test_memory() {
    local name=memory-real
    [ -n "$gpu" ] || { skip $name "no device"; return; }
    from=$SECONDS
    PYTORCH_CUDA_ALLOC_CONF=per_process_memory_fraction:0.02 timeout 100 "$ffmpeg" -v warning -nostdin \
        -lavfi "testsrc2=s=640x360:r=10:d=12.8,format=rgb24,dnn_processing=dnn_backend=torch:model=$work/nets/compact.pt:$(there batch_size=64:workers=1)" \
        -f framemd5 -y "$work/tmp/halved.md5" > "$logs/$name.log" 2>&1
    if grep -qi 'unrecognized.*\(option\|key\)\|per_process_memory_fraction.*expect' "$logs/$name.log"; then
        skip $name "this LibTorch knows no such limit"
    elif ! grep -q 'out of memory with a batch of 64, going on with batches of 32' "$logs/$name.log"; then
        bad $name "nothing was halved: $(tail -n 1 "$logs/$name.log")"
    elif [ "$(grep -vc '^#' "$work/tmp/halved.md5")" != 128 ]; then
        bad $name "$(grep -vc '^#' "$work/tmp/halved.md5") of 128 frames came out"
    else
        ok $name
    fi
}

test_surfaces() {
    local f m smooth='gradients=s=256x144:d=1:r=5:speed=0.05:seed=1:n=3:c0=0x2040c0:c1=0xe0c040:c2=0x30a060:x0=0:y0=0:x1=255:y1=143'
    hw=$hw_options
    # the luma alone, bit by bit, chroma carried at the same size
    for f in nv12 yuv420p p010 yuv444p yuv422p yuv444p16; do
        same "luma-$f" "$(source_of $f),$(net negate color=y)" \
            "$(source_of $f),hwupload,$(net negate "$(there color=y)"),hwdownload,format=$f" \
            "$(source_of $f),hwupload,$(net negate "$(there color=y:batch_size=3)"),hwdownload,format=$f"
    done
    for f in rgb0 bgr0 rgba bgra; do
        same "rgb-$f" "$(source_of $f),scale,format=gbrp,$(net negate color=rgb)" \
            "$(source_of $f),hwupload,$(net negate "$(there color=rgb)"),hwdownload,format=$f,scale,format=gbrp"
    done
    # colours: what goes in comes out, with every matrix and range
    for f in nv12 yuv420p p010 yuv444p; do
        for m in bt709:tv bt709:pc smpte170m:tv bt2020nc:tv; do
            near "colour-$f-$m" 38 "$smooth,scale,format=$f,setparams=colorspace=${m%:*}:range=${m#*:}" \
                "$smooth,scale,format=$f,setparams=colorspace=${m%:*}:range=${m#*:},hwupload,$(net identity "$(there color=rgb)"),hwdownload,format=$f"
        done
        near "colour-up2-$f" 32 "$smooth,scale,format=$f,scale=512:288:flags=bilinear" \
            "$smooth,scale,format=$f,hwupload,$(net up2 "$(there color=rgb)"),hwdownload,format=$f"
    done
    near surface-tiles 60 "$(source_of nv12),scale,hwupload,$(net up2 "$(there color=rgb)"),hwdownload,format=nv12" \
        "$(source_of nv12),scale,hwupload,$(net up2 "$(there color=rgb:tile=64x32:overlap=4)"),hwdownload,format=nv12"
    same scale_cuda "$(source_of nv12),hwupload,$(net identity "$(there color=y)"),scale_cuda=64:48,hwdownload,format=nv12" \
        "$(source_of nv12),hwupload,scale_cuda=64:48,hwdownload,format=nv12"
    [ -z "$gpu" ] || fails own-context 'primary_ctx=1' 0 "$(source_of nv12),hwupload_cuda,$(net identity "$(there color=y)"),hwdownload,format=nv12"
    # (a scale filter, which there is without a device, hides the error from ffmpeg's exit code)
    [ -z "$gpu" ] || fails surface-frame-6 'frame 6 .*white pixel' 5 \
        "testsrc2=s=64x48:r=5:d=2,format=rgb24,drawbox=w=1:h=1:t=fill:c=black,drawbox=w=1:h=1:t=fill:c=white:enable=eq(n\,5),scale,format=bgr0,hwupload,$(net fail_white "$(there)"),hwdownload,format=bgr0"
    # graphs give what the network gives without
    same graph-gray "$(source_of gray),$(net conv1 "$(there)")" "$(source_of gray),$(net conv1 "$(there cuda_graph=1)")"
    same graph-rgb24 "$(source_of rgb24),$(net conv3 "$(there)")" "$(source_of rgb24),$(net conv3 "$(there cuda_graph=1)")" \
        "$(source_of rgb24),$(net conv3 "$(there cuda_graph=1:workers=1)")"
    same graph-surface "$(source_of nv12),hwupload,$(net conv1 "$(there color=y)"),hwdownload,format=nv12" \
        "$(source_of nv12),hwupload,$(net conv1 "$(there color=y:cuda_graph=1)"),hwdownload,format=nv12" \
        "$(source_of nv12),hwupload,$(net conv1 "$(there color=y:cuda_graph=1:batch_size=4)"),hwdownload,format=nv12"
    [ -z "$gpu" ] || one graph-is-used bash -c "'$ffmpeg' -v verbose -nostdin -lavfi '$(source_of rgb24),$(net conv3 "$(there cuda_graph=1)")' \
        -f null - 2>&1 | grep -q 'runs as a CUDA graph'"
    # a network that decides by the values of a tensor cannot be recorded, and runs
    same graph-refused "$(source_of rgb24),$(net roll)" "$(source_of rgb24),$(net roll "$(there cuda_graph=1)")"
}

# Decoded and encoded by the device too: no frame is in the host's memory.
test_codecs() {
    local clip=$cache/movie.mp4 sr2x=dnn_processing=dnn_backend=torch:model=demo/sr2x.pt want got db
    local nvdec=($hw_options -hwaccel cuda -hwaccel_device cu -hwaccel_output_format cuda)
    [ -n "$gpu" ] || { skip codecs "no device"; return; }
    [ -f "$clip" ] || { skip codecs "$clip is not there: tests/cuda/fetch"; return; }
    run "${nvdec[@]}" -i "$clip" -vf hwdownload,format=nv12 -frames:v 2 -f null - > "$logs/nvdec-probe.log" 2>&1 ||
        { skip codecs "no NVDEC here: $(tail -n 1 "$logs/nvdec-probe.log")"; return; }
    # every decoder of H.264 gives the same bits
    from=$SECONDS
    want=$(run -i "$clip" -vf "$(net negate color=y),format=nv12" -f framemd5 - 2>"$logs/nvdec.log" | grep -v '^#')
    got=$(run "${nvdec[@]}" -i "$clip" -vf "$(net negate "$(there color=y)"),hwdownload,format=nv12" -f framemd5 - 2>>"$logs/nvdec.log" | grep -v '^#')
    if [ -n "$want" ] && [ "$got" = "$want" ]; then ok nvdec
    else bad nvdec "$(grep -c . <<< "$got") frames, not the $(grep -c . <<< "$want") of the CPU: $(tail -n 1 "$logs/nvdec.log")"; fi

    # shellcheck disable=SC2086
    run $hw_options -lavfi "testsrc2=s=256x144:d=0.2,format=nv12,hwupload" -c:v h264_nvenc -f null - > "$logs/nvenc-probe.log" 2>&1 ||
        { skip nvenc "no NVENC here: $(tail -n 1 "$logs/nvenc-probe.log")"; return; }
    from=$SECONDS
    run "${nvdec[@]}" -i "$clip" -vf "$sr2x:$(there),scale_cuda=560:320" -c:v h264_nvenc -rc constqp -qp 15 \
        -y "$work/tmp/nvenc.mp4" > "$logs/nvenc.log" 2>&1 || { bad nvenc "$(tail -n 1 "$logs/nvenc.log")"; return; }
    db=$(timeout -k 10 100 "$ffmpeg" -v info -nostdin -nostats -i "$work/tmp/nvenc.mp4" -i "$clip" \
        -lavfi "[1:v]$sr2x,scale=560:320[a];[0:v][a]psnr" -f null - 2>&1 | sed -n 's/.*average:\([0-9.]*\).*/\1/p')
    if awk -v a="${db:-0}" 'BEGIN { exit !(a >= 33) }'; then ok "nvenc, $db dB"; else bad nvenc "${db:-no} dB, wanted 33"; fi
}

test_sanitizer() {
    local tool
    tool=$(command -v compute-sanitizer || echo "$toolkit/bin/compute-sanitizer")
    [ -n "$gpu" ] && [ -x "$tool" ] || { skip sanitizer "compute-sanitizer is not here"; return; }
    # LibTorch asks for things that it expects to fail, and keeps large blocks, within
    # which an overrun would not show
    local -x PYTORCH_NO_CUDA_MEMORY_CACHING=1
    tool="$tool --report-api-errors no --error-exitcode 9"
    # shellcheck disable=SC2086
    limit=200 one sanitizer-host $tool "$ffmpeg" -v error -nostdin \
        -lavfi "$(source_of nv12),$(net conv1 "$(there workers=2)")" -frames:v 4 -f null -
    # shellcheck disable=SC2086
    [ -z "$surfaces" ] || limit=200 one sanitizer-surfaces $tool "$ffmpeg" -v error -nostdin \
        $hw_options \
        -lavfi "$(source_of p010),hwupload,$(net up2 "$(there color=rgb:workers=2)"),hwdownload,format=p010" -frames:v 4 -f null -
}

test_all() {
    local group f
    say "device=$device${surfaces:+, with CUDA frames}"
    for group in $(named frames surfaces sanitizer); do
        case $group in
            frames)   set -- test_kernels test_formats test_options test_faults test_memory ;;
            surfaces) set -- test_surfaces test_codecs
                      [ -n "$surfaces" ] || { skip surfaces "FFmpeg is built without them"; continue; } ;;
            sanitizer) set -- test_sanitizer ;;
        esac
        # most of the time LibTorch starts, on one core
        for f; do
            if [ "$jobs" -ge 8 ]; then $f & else $f; fi
        done
        wait
    done
}

[ -x "$ffmpeg" ] || die "nothing is built: run.sh build"
test_all 2>&1 | tee "$work/tmp/test.txt"
failed=$(grep -c '^FAIL' "$work/tmp/test.txt")
echo "$(grep -c '^ok ' "$work/tmp/test.txt") passed, $failed failed" | tee -a "$work/tmp/test.txt"
cat "$work/tmp/test.txt" >> "$out/test.txt"
[ "$failed" = 0 ]
