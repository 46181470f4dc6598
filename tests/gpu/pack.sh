#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# pack.sh DIR [BUILD]: collects what runs of a build (build/release) into DIR, stripped, with the
# shared libraries that another machine may lack in DIR/lib, so that the folder can be carried there:
#   DIR/rgpu-run -s HOST -- PROGRAM     DIR/gpuserverd     RGPU_BUILD=DIR ./run demo
set -euo pipefail

[ $# -ge 1 ] || {
	echo "usage: pack.sh DIR [BUILD]" >&2
	exit 2
}
out=$1
build=${2:-$(dirname "$0")/../../build/release}
mkdir -p "$out/lib"

copy() {
	cp -L "$build/$1" "$out/"
	strip --strip-unneeded "$out/$(basename "$1")" 2>/dev/null || true
}

# What a program needs beyond the C library, into lib/.
libraries_of() {
	ldd "$1" | awk '$3 ~ /^\// {print $3}' |
		grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libcuda)\.so' || true
}

programs=(server/gpuserverd bench/rgpu-bench client/rgpu-run)
libraries=(client/libcuda.so.1 client/nvml/libnvidia-ml.so.1 server/soft/libcuda-soft.so)
examples=(device_list vector_add matrix_multiply vector_add_runtime)

for f in "${programs[@]}" "${libraries[@]}"; do
	copy "$f"
done
for f in "${examples[@]}"; do
	[ ! -e "$build/examples/$f" ] || copy "examples/$f"
done
ln -sf libcuda.so.1 "$out/libcuda.so"

for f in "$out/gpuserverd" "$out/libcuda-soft.so"; do
	needed=$(libraries_of "$f")
	[ -n "$needed" ] || continue
	for l in $needed; do
		cp -L "$l" "$out/lib/"
	done
	command -v patchelf >/dev/null || {
		echo "pack.sh: $f needs $needed: install patchelf so that it finds them in lib/" >&2
		exit 1
	}
	# Not the folder itself: the server must never find our client library as its driver.
	patchelf --set-rpath "\$ORIGIN/lib" "$f"
done
rmdir "$out/lib" 2>/dev/null || true
du -sh "$out"
