/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Contract 1, kernel to agent: one record of the ring buffer "events" of socket.bpf.c, read in place by JavaScript.
 *
 * No packed structs; padding is written out; units stand in the names. 64 bit fields lie on 8 bytes. Ids stay below
 * 2^53, so that JavaScript holds them as numbers. agent/src/probes/events.gen.ts is generated from this header's BTF.
 */
#ifndef THROUGHLINE_SOCKET_EVENT_H
#define THROUGHLINE_SOCKET_EVENT_H

/* Captured prefix of one send or receive, at most. */
#define SOCKET_PAYLOAD_MAX_BYTES 1024

enum socket_operation {
	SOCKET_OPERATION_SEND = 1,
	SOCKET_OPERATION_RECEIVE = 2,
	SOCKET_OPERATION_CONNECT = 3,
	SOCKET_OPERATION_ACCEPT = 4,
	SOCKET_OPERATION_CLOSE = 5,
	SOCKET_OPERATION_RESET = 6,
};

enum socket_flag {
	/* Bytes moved, but the kernel saw no readable user buffer (sendfile, io_uring, sendmmsg, fault). */
	SOCKET_FLAG_PAYLOAD_MISSING = 1,
	SOCKET_FLAG_RESET_BY_LOCAL = 2,
	SOCKET_FLAG_RESET_BY_REMOTE = 4,
};

struct socket_event {
	__u64 timestamp_monotonic_ns; /* CLOCK_MONOTONIC, as bpf_ktime_get_ns() */
	__u64 socket_id;
	__u64 cgroup_id;
	__u64 ingress_id;
	__u64 answer_id;
	__u64 birth_id;
	__u32 pid;
	__u32 tid;
	__u32 netns;
	__u32 sequence;
	__u32 length_bytes;
	__u32 payload_bytes;
	enum socket_operation operation;
	enum socket_flag flags;
	__u8 local_address[16]; /* network order, IPv4 as ::ffff:a.b.c.d */
	__u8 remote_address[16];
	__u16 local_port; /* host order */
	__u16 remote_port;
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 _pad[3];
	/* payload_bytes bytes follow */
};

_Static_assert(sizeof(struct socket_event) == 120, "socket_event changed: rebuild, and regenerate events.gen.ts");

/* Written by the agent into .rodata.config before load. */
struct socket_config {
	__u32 capture_bytes; /* at most SOCKET_PAYLOAD_MAX_BYTES */
	__u32 own_pid;       /* the agent, never captured */
	__u32 filter_netns;  /* 1: only namespaces in map allowed_netns */
	__u32 filter_pids;   /* 1: not the processes in map excluded_pids */
	__u32 udp_port;      /* only datagrams from or to it; 0: all */
};

_Static_assert(sizeof(struct socket_config) == 20, "socket_config changed: rebuild, and regenerate events.gen.ts");

/* The one value of the per-CPU array "counters". lost_: events that did not come; the others came with less in them. */
struct socket_counters {
	__u64 lost_ring_full;
	__u64 lost_socket_state; /* no memory for the socket's state */
	__u64 lost_call_table;   /* raw_tp: no room for a call between its entry and its exit */
	__u64 lost_upper_layer;  /* kTLS and other ULPs: lengths are not those on the wire */
	__u64 payload_fault;     /* the user page was not in memory */
	__u64 payload_unsupported; /* a system call that shows no user buffer */
	__u64 no_thread_state;     /* no memory for ingress ids */
};

#endif
