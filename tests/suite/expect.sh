# SPDX-License-Identifier: LGPL-2.1-or-later
# More functions like those of tests/dnn/expect.sh.
# shellcheck shell=sh disable=SC2154

# count_lines PATTERN RUN
# A run, and in how many lines it says something.
count_lines(){
    pattern=$1
    shift
    log="${outdir}/${test}.log"
    cleanfiles="$cleanfiles $log"
    "$@" 2>"$log" || { cat "$log" >&2; return 1; }
    echo "lines: $(grep -c -e "$pattern" "$log")"
}

# limited KIB RUN
# With so much address space.
limited(){
    (
        ulimit -v "$1"
        shift
        "$@"
    )
}
