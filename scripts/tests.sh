# SPDX-License-Identifier: LGPL-2.1-or-later
# Common to scripts/check and scripts/check-long; sourced by bash after lib.sh.
# shellcheck shell=bash disable=SC2034,SC2154

unset MAKEFLAGS MFLAGS MAKEOVERRIDES        # of the make that called this
cd "$root" || exit 1
export DNN_ROOT=$root DNN_BUILD=$build DNN_FFMPEG=$build/ffmpeg/ffmpeg
passed=0 failed=0

ok()  { passed=$((passed + 1)); printf 'ok    %s%s\n' "$1" "${2:+ ($2 s)}"; }
bad() { failed=$((failed + 1)); printf 'FAIL  %s%s\n' "$1" "${2:+: $2}"; }

# one NAME COMMAND...: a test that is a command; its output goes to $logs.
one() {
    local name=$1 log=$logs/${1//\//_}.log from=$SECONDS rc
    shift
    logged "$log" "$@"
    rc=$?
    if [ $rc = 0 ]; then
        ok "$name" $((SECONDS - from))
    elif [ $rc = 77 ]; then
        printf 'skip  %s: %s\n' "$name" "$(sed -n '$s/^skipped: //p' "$log")"
    else
        bad "$name" "exit code $rc, see ${log#"$root"/}"
        tail -n 8 "$log" | sed 's/^/        /'
    fi
}

# tsan_run COMMAND...: what is built with ThreadSanitizer. LibTorch is not.
tsan_run() {
    local plain=()
    # GCC's ThreadSanitizer may not cope with much address randomisation.
    setarch "$(uname -m)" -R true 2>/dev/null && plain=(setarch "$(uname -m)" -R)
    TSAN_OPTIONS="exitcode=66 ignore_noninstrumented_modules=1 ${tsan_options-}" \
        timeout "${limit:-300}" "${plain[@]}" "$@"
}

# The last line; its exit code is the script's.
sum_up() {
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
}
