# Functions for the tests of the DNN filters whose outcome is more than the
# output of one run. This file is read by tests/fate-run.sh, by the command of
# such a test, and uses its functions; a RUN below is one of them with its
# arguments, such as: framecrc -lavfi ...

# what stands still is a failure as well, and has to end
if timeout -k 1 1 true 2>/dev/null; then
    target_exec="timeout -k 10 120 $target_exec"
fi

# data_lines: framecrc's lines without those of its header
data_lines(){
    grep -v '^#'
}

# expect_fail PATTERN RUN
# A run that has to fail: what it wrote until then, how it ended, and whether
# its messages say why, in a line that has PATTERN in it.
expect_fail(){
    pattern=$1
    shift
    log="${outdir}/${test}.log"
    cleanfiles="$cleanfiles $log"
    "$@" 2>"$log"
    status=$?
    cat "$log" >&2
    # ffmpeg ends with the low byte of an error code, so most are above 128
    # too; here are the signals that a broken or stuck program dies of
    case $status in
        0)           echo "exit: success" ;;
        124|137|143) echo "exit: timeout" ;;
        132|134|135|136|139) echo "exit: crash ($status)" ;;
        *)           echo "exit: failure" ;;
    esac
    if grep -q -e "$pattern" "$log"; then
        echo "reason: given"
    else
        echo "reason: no line with \"$pattern\""
    fi
}

# stop_early COUNT RUN
# Stop after the first frame, after the second, and so on.
stop_early(){
    count=$1
    shift
    k=1
    while [ $k -le $count ]; do
        echo "frames: $k"
        lines=$("$@" -frames:v $k) || return
        printf '%s\n' "$lines" | data_lines
        k=$((k + 1))
    done
}

# cut_short COUNT RUN
# What stop_early has to give, from a single run that does not stop.
cut_short(){
    count=$1
    shift
    lines=$("$@") || return
    k=1
    while [ $k -le $count ]; do
        echo "frames: $k"
        printf '%s\n' "$lines" | data_lines | head -n $k
        k=$((k + 1))
    done
}

# show_boxes RUN
# What showinfo, which has to be in the graph, tells of the boxes of a frame:
# corners, label and confidence of each, and below it the same of its classes.
show_boxes(){
    log="${outdir}/${test}.log"
    cleanfiles="$cleanfiles $log"
    "$@" >/dev/null 2>"$log"
    status=$?
    cat "$log" >&2
    sed -n -e 's/.*showinfo.*\] n: *\([0-9]*\) .*/frame \1/p' \
           -e 's/.*region: (\(.*\)) -> (\(.*\)), label: \(.*\), confidence: \(.*\)\/10000\.$/  \1 to \2: \3 \4/p' \
           -e 's/.*classify:  label: \(.*\), confidence: \(.*\)\/10000\.$/    \1 \2/p' "$log"
    return $status
}
