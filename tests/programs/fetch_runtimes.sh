#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches CUDA runtimes of several releases from the Python package index, for the tests
# that drive any runtime:  fetch_runtimes.sh BUILD_FOLDER
# They go to BUILD_FOLDER/runtimes/libcudart-RELEASE.so; tests of missing ones are skipped.
set -euo pipefail

out=${1:?usage: fetch_runtimes.sh BUILD_FOLDER}/runtimes
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
for package in cu11==11.8.89 cu12==12.1.105 cu12==12.4.127 cu12==12.8.90; do
	release=$(sed -E 's/.*==([0-9]+\.[0-9]+)\..*/\1/' <<<"$package")
	if [ -e "$out/libcudart-$release.so" ]; then
		continue
	fi
	python3 -m pip download --quiet --no-deps --dest "$work/$release" "nvidia-cuda-runtime-$package"
	python3 -m zipfile -e "$work/$release"/*.whl "$work/$release"
	cp "$work/$release"/nvidia/cuda_runtime/lib/libcudart.so.* "$out/libcudart-$release.so"
done
ls "$out"
