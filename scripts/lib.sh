# SPDX-License-Identifier: LGPL-2.1-or-later
# Common to configure and scripts/*; sourced by bash.
# shellcheck shell=bash disable=SC2034

set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
src=$build/src
logs=$build/logs
downloads=${DNN_CACHE:-${XDG_CACHE_HOME:-~/.cache}/ffmpeg-dnn-torch} # kept from build to build
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# Where in-tree files live, here and below build/src.
owned_dirs="libavfilter libavutil tests/dnn tests/fate tests/ref tools"

# The same files are compiled in many folders: Debian's ccache, where it is
# installed, does each once.
if [ -d /usr/lib/ccache ]; then
    export PATH=/usr/lib/ccache:${PATH#/usr/lib/ccache:} CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$root
fi

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# step NAME LOG COMMAND...: a long command; its output goes to a log, its last
# line is shown now and then, and its end when it fails.
step() {
    local name=$1 log=$logs/$2 from=$SECONDS rc
    shift 2
    mkdir -p "$logs"
    say "$name (log: ${log#"$root"/})"
    logged "$log" "$@"
    rc=$?
    if [ $rc != 0 ]; then
        printf 'error: %s failed (exit code %d). From %s:\n' "$name" $rc "$log" >&2
        # A compiler's message may be far from the end when jobs run in parallel.
        { grep -m 5 -E '(^|[ :])(fatal )?error: |undefined reference' "$log"; tail -n 12 "$log"; } |
            awk '!seen[$0]++ { print "    " $0 }' >&2
        return 1
    fi
    say "    done, $((SECONDS - from)) s"
}

# logged LOG COMMAND...: its output goes to the log, with signs of life here.
logged() {
    local log=$1 reporter rc
    shift
    : > "$log"
    progress "$log" $$ &
    reporter=$!
    "$@" > "$log" 2>&1 < /dev/null
    rc=$?
    kill $reporter 2>/dev/null
    wait $reporter 2>/dev/null
    [ -t 1 ] && printf '\r\033[K'
    return $rc
}

# The reporter of logged: a line that is rewritten on a terminal, one every 15 s
# elsewhere. It ends with the script that started it.
progress() {
    local pause=15 begin='    ' end='\n' from=$SECONDS
    [ -t 1 ] && pause=1 begin='\r\033[K    ' end=''
    while sleep $pause > /dev/null 2>&1; kill -0 "$2" 2>/dev/null; do
        printf "$begin%4d s  %s$end" $((SECONDS - from)) \
            "$(tail -n 1 "$1" | tr '\t' ' ' | tr -cd '[:print:]' | cut -c 1-60)"
    done
}

# git without the user's hooks and signing, and with an identity for the
# committer: this repository's, else the user's, else a stand-in.
gits() {
    local id=()
    if [ -z "${GIT_COMMITTER_EMAIL-}" ]; then
        id=(-c user.name="$(git -C "$root" config user.name || echo "${DNN_GIT_NAME:-dnn-torch}")"
            -c user.email="$(git -C "$root" config user.email || echo "${DNN_GIT_EMAIL:-dnn-torch@localhost}")")
    fi
    git -c core.hooksPath=/dev/null -c commit.gpgSign=false -c core.autocrlf=false \
        -c advice.detachedHead=false -c gc.auto=0 "${id[@]}" "$@"
}

# mirrors: "URI KEYRING" of the machine's apt sources that may be a Debian
# archive, from *.sources (deb822) and *.list (one line each) files.
mirrors() {
    cat /dev/null /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '
        function out(  n, i, u) {
            if (types ~ /deb/ && on !~ /^(no|false)$/ && comps ~ /(^| )main( |$)/ && suites !~ /-security/) {
                n = split(uris, u, " ")
                for (i = 1; i <= n; i++) print u[i], key
            }
            types = uris = suites = comps = on = key = ""
        }
        /^[ \t]*$/ { out(); next }
        { k = tolower($1); sub(/^[^ \t]+[ \t]*/, "") }
        k == "types:" { types = $0 } k == "uris:" { uris = $0 } k == "suites:" { suites = $0 }
        k == "components:" { comps = $0 } k == "enabled:" { on = tolower($0) }
        k == "signed-by:" && /^\// { key = $1 }
        END { out() }'
    cat /dev/null /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk '
        /^deb[ \t]/ {
            key = ""
            if (match($0, /\[[^]]*\]/)) {
                n = split(substr($0, RSTART + 1, RLENGTH - 2), o, " ")
                for (i = 1; i <= n; i++) if (sub(/^signed-by=/, "", o[i])) key = o[i]
                sub(/\[[^]]*\][ \t]*/, "")
            }
            if ($3 !~ /-security/ && / main( |$)/) print $2, key
        }'
}

# owned DIR: the in-tree files below DIR, one name a line, sorted.
owned() {
    (cd "$1" && for d in $owned_dirs; do
        [ ! -d "$d" ] || find "$d" -type f ! -name '.*' ! -name '*~' ! -name '*.orig' \
            ! -name '*.rej' ! -name '*.o' ! -name '*.pyc'
    done | LC_ALL=C sort)
}

# The sets of the series, in order: the folders patches/NN-NAME, each with its cover
# letter; in build/src the branches set/NN-NAME, one on top of the other.
sets() {
    find "$root/patches" -path '*/[0-9][0-9]-*/0001-*.patch' -printf '%P\n' | cut -d/ -f1 | LC_ALL=C sort
}
set_branches() {
    git -C "$src" for-each-ref --format='%(refname)' refs/heads/set/ | sed 's,^refs/heads/set/,,' | LC_ALL=C sort
}

# find_set 2|02|02-NAME: that set's name.
find_set() {
    local set
    for set in $(sets); do
        case $set in "$1"|"$1"-*|"0$1"-*) echo "$set"; return ;; esac
    done
    die "there is no set '$1' in patches/: $(sets | tr '\n' ' ')"
}

patches_sum() { (cd "$root/patches" && cksum -- */0*.patch 2>/dev/null) | cksum; }

# What was applied, to notice new patches (a pull) and commits made since.
note_series() { echo "$(patches_sum) $(git -C "$1" rev-parse HEAD)" > "$1/.git/series"; }

# apply_series TREE: patches/ as commits of TREE, which is at base, and a branch at
# the end of each set. A plain git rebase takes the branches along.
apply_series() {
    local set ends=''
    [ "$(sets)" ] || { echo "error: there are no sets in patches/"; return 1; }
    for set in $(sets); do
        gits -C "$1" am -q --committer-date-is-author-date "$root/patches/$set"/0*.patch || return
        ends="$ends$(printf 'update refs/heads/set/%s %s' "$set" "$(git -C "$1" rev-parse HEAD)")"$'\n'
    done
    {
        git -C "$1" for-each-ref --format='delete %(refname)' refs/heads/set/ |
            grep -vxFf <(sets | sed 's,^,delete refs/heads/set/,')
        printf %s "$ends"
    } | gits -C "$1" update-ref --stdin && gits -C "$1" config rebase.updateRefs true
}

# The same in build/src; it stays as it was when the series does not apply, and
# files that are the same afterwards keep their times.
renew_series() {
    local wt=$build/apply.tmp rc
    gits -C "$src" worktree prune
    gits -C "$src" worktree add -q -f --detach "$wt" base && apply_series "$wt" &&
        gits -C "$src" checkout -q -f -B main "$(git -C "$wt" rev-parse HEAD)" && gits -C "$src" clean -qfd
    rc=$?
    gits -C "$src" worktree remove --force "$wt"
    [ $rc = 0 ] && rm -f "$src/.git/owned-files" && note_series "$src"
}

# Lay the in-tree files over build/src: only those that differ, so that make
# rebuilds only what changed; and take away those that are no longer here.
lay_over() {
    local list=$src/.git/owned-files f
    owned "$root" > "$list.new"
    while IFS= read -r f; do
        cmp -s "$root/$f" "$src/$f" && continue
        mkdir -p "$(dirname "$src/$f")" && cp -f "$root/$f" "$src/$f" ||
            die "cannot copy $f to $src"
        [ -x "$root/$f" ] && chmod +x "$src/$f"
    done < "$list.new"
    if [ -f "$list" ]; then
        LC_ALL=C comm -23 "$list" "$list.new" | while IFS= read -r f; do
            if [ "$(gits -C "$src" ls-tree base -- "$f")" ]; then
                gits -C "$src" show "base:$f" > "$src/$f"
            else
                rm -f "$src/$f"
            fi
        done
    fi
    mv "$list.new" "$list"
}

# The options that select LibTorch, as ./configure found them; an array.
load_config() {
    [ -f "$build/config" ] || die "not configured: run make or ./configure first"
    # shellcheck disable=SC1091
    . "$build/config"
}

# configure_variant NAME OPTION...: FFmpeg's configure in build/NAME; nothing
# to do when it ran there with these options and the same lists of parts.
configure_variant() {
    local dir=$build/$1 name=$1 want
    shift
    want=$(printf '%q ' "$@"; echo; cd "$src" && cat configure libav*/all*.c | cksum)
    [ -f "$dir/ffbuild/config.mak" ] && [ "$(cat "$dir/.options" 2>/dev/null)" = "$want" ] &&
        return
    mkdir -p "$dir"
    rm -f "$dir/.options"
    (cd "$dir" && step "FFmpeg's configure for build/$name" "configure-${name//\//-}.log" \
        "$src/configure" "$@") || {
        # What FFmpeg's configure complained about, in one line.
        sed -n 's/^ERROR: /error: /p' "$logs/configure-${name//\//-}.log" >&2
        return 1
    }
    printf '%s\n' "$want" > "$dir/.options"
}
