/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading kernel structures. A tp_btf program holds typed pointers and loads directly; a raw_tp program holds plain
 * addresses and reads through bpf_probe_read_kernel(). Both are relocated against the running kernel's BTF (CO-RE).
 */
#ifndef THROUGHLINE_KERNEL_READ_H
#define THROUGHLINE_KERNEL_READ_H

#ifdef USE_RAW_TP
#define READ(pointer, field) BPF_CORE_READ(pointer, field)
#define READ_THROUGH(pointer, link, field) BPF_CORE_READ(pointer, link, field)
#define AS_TCP_SOCK(sk) ((struct tcp_sock *)(sk)) /* struct tcp_sock begins with struct sock */
#else
extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __ksym; /* Linux 6.2 */
#define READ(pointer, field) ((pointer)->field)
#define READ_THROUGH(pointer, link, field) ((pointer)->link->field)
#define AS_TCP_SOCK(sk) ((struct tcp_sock *)bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock)))
#endif

/* include/linux/socket.h */
#define AF_INET 2
#define AF_INET6 10
#define MSG_PEEK 2
#define MSG_TRUNC 0x20
/* include/net/sock.h */
#define RCV_SHUTDOWN 1
#define SHUTDOWN_MASK 3

static __always_inline __u32 sock_netns(const struct sock *sk)
{
	return READ_THROUGH(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline __u16 sock_local_port(const struct sock *sk)
{
	return READ(sk, __sk_common.skc_num);
}

static __always_inline __u16 sock_remote_port(const struct sock *sk)
{
	return bpf_ntohs(READ(sk, __sk_common.skc_dport));
}

/* Next byte to be read. The peer's FIN counts as one, and is eaten with the last byte where a read gets that far. */
static __always_inline __u32 read_position(struct sock *sk)
{
	struct tcp_sock *tcp = AS_TCP_SOCK(sk);
	__u32 position = READ(tcp, copied_seq);
	/* include/net/sock.h: set when the FIN has come (tcp_fin()) */
	bool has_fin = READ(sk, __sk_common.skc_flags) & (1UL << bpf_core_enum_value(enum sock_flags, SOCK_DONE));

	return has_fin && position == READ(tcp, rcv_nxt) ? position - 1 : position;
}

static __always_inline __u32 write_position(struct sock *sk)
{
	return READ(AS_TCP_SOCK(sk), write_seq);
}

/* RFC 4291 section 2.5.5.2; `address` in network order. */
static __always_inline void write_mapped_ipv4(__u8 *into, __be32 address)
{
	__u32 *words = (__u32 *)into;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

static __always_inline void write_addresses(const struct sock *sk, __u8 *local, __u8 *remote)
{
	if (READ(sk, __sk_common.skc_family) == AF_INET6 && bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		__u32 *local_words = (__u32 *)local, *remote_words = (__u32 *)remote;

#pragma unroll
		for (int i = 0; i < 4; i++) {
			local_words[i] = READ(sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i]);
			remote_words[i] = READ(sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32[i]);
		}
		return;
	}
	write_mapped_ipv4(local, READ(sk, __sk_common.skc_rcv_saddr));
	write_mapped_ipv4(remote, READ(sk, __sk_common.skc_daddr));
}

#endif
