#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compiles NAME.cu to PTX and writes it as a C string to NAME.ptx.h, for programs
# that must build without the CUDA toolkit:  ./embed_ptx.sh vector_add matrix_multiply
# Needs nvcc. The PTX version is lowered to the oldest one that knows sm_75, so
# that drivers older than the compiler accept it too.
set -euo pipefail

cd "$(dirname "$0")"
for path; do
	name=$(basename "$path")
	ptx=$(nvcc -O2 -arch=compute_75 -ptx -o - "$path.cu" |
		sed -e '/^\/\//d' -e '/^$/d' -e 's/^\.version .*/.version 6.3/')
	{
		echo "/* SPDX-License-Identifier: Apache-2.0 */"
		echo "/* Made from $name.cu by examples/embed_ptx.sh; do not edit. */"
		echo "static const char ${name}_ptx[] ="
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' -e 's/.*/\t"&\\n"/' <<<"$ptx"
		echo "	;"
	} >"$path.ptx.h"
done
