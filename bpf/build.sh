#!/bin/sh
# Builds the BPF objects: bpf/*.bpf.c to bpf/prebuilt/*.bpf.o, stripped of debug lines but not of BTF.
# Needs clang, llvm-strip, bpftool, libbpf headers. The objects are committed: running them needs none of these.
set -eu
cd "$(dirname "$0")"
mkdir -p .output prebuilt
[ -s .output/vmlinux.h ] || bpftool btf dump file /sys/kernel/btf/vmlinux format c > .output/vmlinux.h

case "$(uname -m)" in
  x86_64) arch=x86 ;;
  aarch64) arch=arm64 ;;
  *) echo "no BPF build for $(uname -m)" >&2; exit 1 ;;
esac

build() { # object source [flags]
  object=$1 source=$2
  shift 2
  clang -O2 -g -target bpf -D__TARGET_ARCH_$arch -I. -I.output -Wall -Werror -Wno-unused-function "$@" \
    -c "$source" -o ".output/$object"
  llvm-strip -g ".output/$object" -o "prebuilt/$object"
}

build socket.bpf.o socket.bpf.c
build socket_raw_tp.bpf.o socket.bpf.c -DUSE_RAW_TP
build packet.bpf.o packet.bpf.c

(cd prebuilt && sha256sum ./*.bpf.o > SHA256SUMS)
cat build.sh ./*.bpf.c ./*.bpf.h include/*.h | sha256sum | cut -d' ' -f1 > prebuilt/SOURCES.sha256
