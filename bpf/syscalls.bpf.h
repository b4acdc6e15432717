/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * System call numbers and the registers that hold their arguments, as saved at entry.
 * READ is defined by kernel_read.bpf.h.
 * x86-64: arch/x86/entry/syscalls/syscall_64.tbl. arm64: include/uapi/asm-generic/unistd.h; not tested on a machine.
 */
#ifndef THROUGHLINE_SYSCALLS_H
#define THROUGHLINE_SYSCALLS_H

#if defined(__TARGET_ARCH_x86)
#define NR_READ 0
#define NR_WRITE 1
#define NR_READV 19
#define NR_WRITEV 20
#define NR_SENDFILE 40
#define NR_SENDTO 44
#define NR_RECVFROM 45
#define NR_SENDMSG 46
#define NR_RECVMSG 47
#define NR_RECVMMSG 299
#define NR_SENDMMSG 307
#define SYSCALL_NUMBER(regs) READ(regs, orig_ax)
#define SYSCALL_ARGUMENT_1(regs) READ(regs, di)
#define SYSCALL_ARGUMENT_2(regs) READ(regs, si)
#define SYSCALL_ARGUMENT_3(regs) READ(regs, dx)
#define SYSCALL_ARGUMENT_4(regs) READ(regs, r10)
#define SYSCALL_ARGUMENT_5(regs) READ(regs, r8)
#elif defined(__TARGET_ARCH_arm64)
#define NR_READ 63
#define NR_WRITE 64
#define NR_READV 65
#define NR_WRITEV 66
#define NR_SENDFILE 71
#define NR_SENDTO 206
#define NR_RECVFROM 207
#define NR_SENDMSG 211
#define NR_RECVMSG 212
#define NR_RECVMMSG 243
#define NR_SENDMMSG 269
#define SYSCALL_NUMBER(regs) READ(regs, syscallno)
#define SYSCALL_ARGUMENT_1(regs) READ(regs, orig_x0)
#define SYSCALL_ARGUMENT_2(regs) READ(regs, regs[1])
#define SYSCALL_ARGUMENT_3(regs) READ(regs, regs[2])
#define SYSCALL_ARGUMENT_4(regs) READ(regs, regs[3])
#define SYSCALL_ARGUMENT_5(regs) READ(regs, regs[4])
#else
#error "no system call table for this architecture: add one here"
#endif

#endif
