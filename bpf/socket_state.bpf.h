/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is remembered of a thread and of a socket. tp_btf: storage owned by the task and the socket, freed with them.
 * raw_tp (kernels without those helpers there): tables with eviction, checked against reuse of the key.
 */
#ifndef THROUGHLINE_SOCKET_STATE_H
#define THROUGHLINE_SOCKET_STATE_H

enum socket_role {
	ROLE_UNKNOWN = 0, /* open before the tracer was attached, or a datagram socket */
	ROLE_CLIENT = 1,
	ROLE_SERVER = 2,
};

struct socket_state {
	__u64 socket_id;
	__u64 birth_id;   /* ingress id of the thread that called connect() */
	__u64 message_id; /* of the message being received */
	__u64 cgroup_id;
	__u64 opened_ns; /* connect() called, or connection established; CLOCK_MONOTONIC */
	__u64 inode;     /* raw_tp only: tells a reused kernel address from the old socket */
	__u32 pid;       /* last process that used it; state changes run in whatever process softirq interrupted */
	__u32 tid;
	__u8 role;
	__u8 announced; /* its connect or accept event is out */
	__u8 closed;    /* its close event is out */
	__u8 reset;     /* its reset event is out */
	__u8 last_operation;
	__u8 _pad[3];
};

struct thread_state {
	__u64 ingress_id; /* last message this thread received */
	__u64 answer_id;  /* last message it received as a client */
	__u64 started_ns; /* raw_tp only: tells a reused thread id from the old thread */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} next_ids SEC(".maps");

/* Unique on this boot while the tracer stays attached: 12 bits of CPU, 40 bits of count, so below 2^52. */
static __always_inline __u64 fresh_id(void)
{
	__u32 zero = 0;
	__u64 *next = bpf_map_lookup_elem(&next_ids, &zero);

	if (!next)
		return 0;
	*next += 1;
	return ((__u64)(bpf_get_smp_processor_id() + 1) << 40) | *next;
}

#ifdef USE_RAW_TP

/* Above every fresh_id() and every socket cookie, which count from 1. */
#define SOCKET_ID_WITHOUT_COOKIE (1ULL << 52)

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64); /* struct sock address */
	__type(value, struct socket_state);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32); /* thread id */
	__type(value, struct thread_state);
} threads SEC(".maps");

static __always_inline struct socket_state *find_socket_state(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline struct socket_state *get_socket_state(struct sock *sk, __u64 inode)
{
	__u64 key = (__u64)sk, cookie;
	struct socket_state *state = bpf_map_lookup_elem(&sockets, &key);

	/* A socket made by a listener has no inode until it is accepted. */
	if (state && (state->inode == inode || state->inode == 0)) {
		state->inode = inode;
		return state;
	}
	struct socket_state fresh = { .inode = inode };

	cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	fresh.socket_id = cookie ? cookie : SOCKET_ID_WITHOUT_COOKIE | fresh_id();
	bpf_map_update_elem(&sockets, &key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&sockets, &key);
}

static __always_inline void forget_socket_state(struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&sockets, &key);
}

static __always_inline struct thread_state *get_thread_state(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u64 started_ns = BPF_CORE_READ(task, start_time);
	struct thread_state *state = bpf_map_lookup_elem(&threads, &tid);

	if (state && state->started_ns == started_ns)
		return state;
	struct thread_state fresh = { .started_ns = started_ns };

	bpf_map_update_elem(&threads, &tid, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&threads, &tid);
}

#else

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_state);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE); /* Linux 5.11 */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} threads SEC(".maps");

static __always_inline struct socket_state *find_socket_state(struct sock *sk)
{
	return bpf_sk_storage_get(&sockets, sk, 0, 0);
}

static __always_inline struct socket_state *get_socket_state(struct sock *sk, __u64 inode)
{
	struct socket_state *state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (state && state->socket_id == 0)
		state->socket_id = bpf_get_socket_cookie(sk); /* Linux 5.12 in tracing programs */
	return state;
}

static __always_inline void forget_socket_state(struct sock *sk)
{
	/* Freed with the socket. */
}

static __always_inline struct thread_state *get_thread_state(void)
{
	return bpf_task_storage_get(&threads, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

#endif
#endif
