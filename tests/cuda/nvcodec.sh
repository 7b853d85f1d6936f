# SPDX-License-Identifier: LGPL-2.1-or-later
# Where the headers for NVIDIA's video interfaces are; for run.sh and tests/check.d/cuda.
# shellcheck shell=bash disable=SC2034

# find_nvcodec CACHE WORK: nv-codec-headers, the system's, or unpacked in WORK from what
# CACHE has. Sets nvcodec to "system", to a folder of ffnvcodec.pc, or to nothing, and
# pkg_config to the program to ask.
find_nvcodec() {
    local cache=$1 dir=$2/nvcodec f
    nvcodec='' pkg_config=pkg-config
    if have pkg-config && pkg-config --exists 'ffnvcodec >= 12.1.14.0'; then
        nvcodec=system
        return
    fi
    f=$(ls "$cache"/libffmpeg-nvenc-dev_*.deb 2>/dev/null | head -n 1)
    if [ -n "$f" ]; then
        rm -rf "$dir"
        mkdir -p "$dir"
        if have dpkg-deb; then dpkg-deb -x "$f" "$dir"
        else (cd "$dir" && ar x "$f" && tar -x -f data.tar.*); fi || return
    else
        f=$(ls "$cache"/nv-codec-headers-*.tar.* 2>/dev/null | head -n 1)
        [ -n "$f" ] || return
        rm -rf "$dir"
        mkdir -p "$dir/from"
        tar -x --strip-components=1 -C "$dir/from" -f "$f" &&
            make -C "$dir/from" install PREFIX="$dir/usr" >/dev/null || return
    fi
    f=$(find "$dir" -name ffnvcodec.pc | head -n 1)
    [ -n "$f" ] || return
    sed -i "s|^prefix=.*|prefix=$dir/usr|" "$f"
    nvcodec=$(dirname "$f")
    have pkg-config && return
    # all that FFmpeg's configure asks of it
    pkg_config=$2/pkg-config
    cat > "$pkg_config" <<END
#!/bin/sh
case "\$*" in *ffnvcodec*) ;; *--version*) echo 1.0; exit 0 ;; *) exit 1 ;; esac
case "\$*" in
    *--cflags*)     echo "-I$dir/usr/include" ;;
    *--modversion*) sed -n 's/^Version: //p' "$f" ;;
    *--variable*)   echo "$dir/usr/include" ;;
esac
END
    chmod +x "$pkg_config"
}
