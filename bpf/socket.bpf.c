// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Socket tracer: every send and receive of every TCP socket (and chosen datagrams) with its payload prefix, TCP
 * sequence number and the ids of received messages; connections opened, closed and reset.
 *
 * Built twice. Plain: tp_btf/sock_send_length and sock_recv_length (Linux 6.3), which pass the socket and the result,
 * cost nothing on other system calls and need no table of running calls. With USE_RAW_TP: sys_enter and sys_exit
 * (Linux 5.8, for the ring buffer).
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include "include/socket_event.h"
#include "kernel_read.bpf.h"
#include "syscalls.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct socket_config settings SEC(".rodata.config") = { .capture_bytes = SOCKET_PAYLOAD_MAX_BYTES };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20); /* the agent sets its own before load */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct socket_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* inode number of a network namespace */
	__type(value, __u8);
} allowed_netns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* process id */
	__type(value, __u8);
} excluded_pids SEC(".maps");

#include "counters.bpf.h"
#include "socket_state.bpf.h"
#include "socket_payload.bpf.h"

/* Only sends and receives use it: they run with preemption off and never inside one another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct socket_scratch);
} scratches SEC(".maps");

static __always_inline bool wanted_netns(__u32 netns)
{
	return !settings.filter_netns || bpf_map_lookup_elem(&allowed_netns, &netns);
}

static __always_inline bool wanted_pid(__u32 pid)
{
	if (pid == settings.own_pid)
		return false;
	return !settings.filter_pids || !bpf_map_lookup_elem(&excluded_pids, &pid);
}

static __always_inline bool is_internet(const struct sock *sk)
{
	__u16 family = READ(sk, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

/* One that a program owns, not the kernel itself (NFS, ksmbd …), whose callers' registers say nothing about it. */
static __always_inline bool is_user_socket(const struct sock *sk)
{
	struct socket *owner = READ(sk, sk_socket);

	return owner && READ(owner, file);
}

static __always_inline bool is_wanted_datagram(const struct socket_event *event)
{
	return !settings.udp_port || event->local_port == settings.udp_port || event->remote_port == settings.udp_port;
}

/*
 * Connections opened before the tracer have no known role; a client's port is then taken to be the one in the usual
 * ephemeral range (net.ipv4.ip_local_port_range begins at 32768). Only evidence: reliability is learned.
 */
static __always_inline bool is_client(const struct socket_state *state, __u16 local_port, __u16 remote_port)
{
	if (state->role != ROLE_UNKNOWN)
		return state->role == ROLE_CLIENT;
	return local_port >= 32768 && remote_port < 32768;
}

/* An event without payload, of a connection as a whole, on behalf of the process that used it last. */
static __always_inline void submit_state(struct sock *sk, const struct socket_state *state, __u32 netns,
					 enum socket_operation operation, enum socket_flag flags, __u64 timestamp_ns)
{
	struct socket_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		COUNT(lost_ring_full);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->timestamp_monotonic_ns = timestamp_ns;
	event->socket_id = state->socket_id;
	event->cgroup_id = state->cgroup_id;
	event->birth_id = state->birth_id;
	event->pid = state->pid;
	event->tid = state->tid;
	event->netns = netns;
	event->sequence = write_position(sk);
	event->operation = operation;
	event->flags = flags;
	event->protocol = IPPROTO_TCP;
	/* Not skc_num, which is 0 again once the port is given back, just before the state changes to TCP_CLOSE. */
	event->local_port = bpf_ntohs(READ(AS_TCP_SOCK(sk), inet_conn.icsk_inet.inet_sport));
	event->remote_port = sock_remote_port(sk);
	write_addresses(sk, event->local_address, event->remote_address);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

/* Once per connection, before its first other event; stamped when connect() was called or the listener had it ready. */
static __always_inline void announce(struct sock *sk, struct socket_state *state, __u32 netns)
{
	if (state->announced || state->role == ROLE_UNKNOWN)
		return;
	state->announced = 1;
	submit_state(sk, state, netns,
		     state->role == ROLE_CLIENT ? SOCKET_OPERATION_CONNECT : SOCKET_OPERATION_ACCEPT, 0,
		     state->opened_ns);
}

/* Ids of received messages: a message starts where the socket received nothing since it last sent. */
static __always_inline void stamp_ids(struct socket_event *event, struct socket_state *state, bool is_send)
{
	struct thread_state *thread = get_thread_state();

	if (!thread) {
		COUNT(no_thread_state);
		return;
	}
	if (is_send) {
		event->ingress_id = thread->ingress_id;
		event->answer_id = thread->answer_id;
		event->birth_id = state->birth_id;
		state->last_operation = SOCKET_OPERATION_SEND;
		return;
	}
	/* A DNS answer must not hide the request for whose sake the name was looked up. */
	if (event->length_bytes == 0 || event->protocol != IPPROTO_TCP)
		return;
	if (state->last_operation != SOCKET_OPERATION_RECEIVE || state->message_id == 0)
		state->message_id = fresh_id();
	state->last_operation = SOCKET_OPERATION_RECEIVE;
	thread->ingress_id = state->message_id;
	if (is_client(state, event->local_port, event->remote_port))
		thread->answer_id = state->message_id;
	event->ingress_id = state->message_id;
}

/* @param sequence of the first byte, TCP only; @param length 0 only for end of file */
static __always_inline int socket_io(struct sock *sk, __u64 inode, const struct socket_call *call, bool is_send,
				     __u32 length, __u32 sequence, __u64 timestamp_ns)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 pid = pid_tgid >> 32, netns = sock_netns(sk), zero = 0;
	__u16 protocol = READ(sk, sk_protocol);

	if (!wanted_pid(pid) || !wanted_netns(netns))
		return 0;
	struct socket_scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);

	if (!scratch)
		return 0;
	struct socket_event *event = &scratch->event;

	event->local_port = sock_local_port(sk);
	event->remote_port = sock_remote_port(sk);
	write_addresses(sk, event->local_address, event->remote_address);
	if (protocol == IPPROTO_UDP) {
		if (is_send && event->remote_port == 0)
			read_peer(event, call);
		if (!is_wanted_datagram(event))
			return 0;
	} else if (READ(AS_TCP_SOCK(sk), inet_conn.icsk_ulp_ops)) {
		COUNT(lost_upper_layer);
		return 0;
	}
	struct socket_state *state = get_socket_state(sk, inode);

	if (!state) {
		COUNT(lost_socket_state);
		return 0;
	}
	state->pid = pid;
	state->tid = (__u32)pid_tgid;
	state->cgroup_id = bpf_get_current_cgroup_id();
	announce(sk, state, netns);

	event->timestamp_monotonic_ns = timestamp_ns;
	event->socket_id = state->socket_id;
	event->cgroup_id = state->cgroup_id;
	event->ingress_id = 0;
	event->answer_id = 0;
	event->birth_id = 0;
	event->pid = pid;
	event->tid = state->tid;
	event->netns = netns;
	event->sequence = sequence;
	event->length_bytes = length;
	event->operation = is_send ? SOCKET_OPERATION_SEND : SOCKET_OPERATION_RECEIVE;
	event->flags = 0;
	event->protocol = protocol;
	stamp_ids(event, state, is_send);

	__u64 captured = capture_payload(scratch, call, length);

	barrier_var(captured);
	if (captured > SOCKET_PAYLOAD_MAX_BYTES)
		captured = SOCKET_PAYLOAD_MAX_BYTES;
	event->payload_bytes = captured;
	/* No wake-up: the agent drains on a timer; waking it per record cuts the traced program to a third. */
	if (bpf_ringbuf_output(&events, scratch, sizeof(*event) + captured, BPF_RB_NO_WAKEUP))
		COUNT(lost_ring_full);
	return 0;
}

#ifdef USE_RAW_TP
#include "socket_raw_tp.bpf.h"
#else

static __always_inline int traced_io(struct sock *sk, int result, int flags, bool is_send)
{
	__u16 protocol = READ(sk, sk_protocol);

	if (!is_internet(sk) || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
		return 0;
	if (result < 0 || (flags & MSG_PEEK) || !is_user_socket(sk))
		return 0;
	/* Nothing sent, or a read of no bytes; a read of 0 bytes after the peer's FIN is end of file. */
	if (result == 0 && (is_send || !(READ(sk, sk_shutdown) & RCV_SHUTDOWN)))
		return 0;
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()); /* Linux 5.15 */
	struct socket_call call = read_call(regs);
	__u32 sequence = 0;

	if (protocol == IPPROTO_TCP)
		sequence = (is_send ? write_position(sk) : read_position(sk)) - result;
	return socket_io(sk, 0, &call, is_send, result, sequence, bpf_ktime_get_ns());
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(trace_send, struct sock *sk, int result, int flags)
{
	return traced_io(sk, result, flags, true);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(trace_receive, struct sock *sk, int result, int flags)
{
	return traced_io(sk, result, flags, false);
}
#endif

#ifdef USE_RAW_TP
#define HOOK(name) SEC("raw_tp/" name)
#else
#define HOOK(name) SEC("tp_btf/" name)
#endif

static __always_inline void report_reset(struct sock *sk, enum socket_flag side)
{
	struct socket_state *state = find_socket_state(sk);

	/* pid 0: accepted, and gone before its owner used it. */
	if (!state || state->pid == 0 || state->reset || !wanted_pid(state->pid))
		return;
	__u32 netns = sock_netns(sk);

	announce(sk, state, netns);
	state->reset = 1;
	submit_state(sk, state, netns, SOCKET_OPERATION_RESET, side, bpf_ktime_get_ns());
}

static __always_inline void report_close(struct sock *sk)
{
	struct socket_state *state = find_socket_state(sk);

	if (!state || state->pid == 0 || state->closed || !wanted_pid(state->pid))
		return;
	__u32 netns = sock_netns(sk);

	announce(sk, state, netns);
	state->closed = 1;
	submit_state(sk, state, netns, SOCKET_OPERATION_CLOSE, 0, bpf_ktime_get_ns());
}

HOOK("inet_sock_set_state")
int BPF_PROG(trace_state, struct sock *sk, int old_state, int new_state)
{
	struct socket_state *state;

	if (!is_internet(sk) || READ(sk, sk_protocol) != IPPROTO_TCP || !wanted_netns(sock_netns(sk)))
		return 0;
	switch (new_state) {
	case TCP_SYN_SENT: { /* inside connect(), so in the caller's context; its port is chosen only afterwards */
		__u64 pid_tgid = bpf_get_current_pid_tgid();

		if (!wanted_pid(pid_tgid >> 32))
			return 0;
		forget_socket_state(sk);
		state = get_socket_state(sk, 0);
		if (!state) {
			COUNT(lost_socket_state);
			return 0;
		}
		struct thread_state *thread = get_thread_state();

		state->role = ROLE_CLIENT;
		state->announced = 0;
		state->closed = 0;
		state->reset = 0;
		state->last_operation = 0;
		state->opened_ns = bpf_ktime_get_ns();
		state->birth_id = thread ? thread->ingress_id : 0;
		state->cgroup_id = bpf_get_current_cgroup_id();
		state->pid = pid_tgid >> 32;
		state->tid = (__u32)pid_tgid;
		return 0;
	}
	case TCP_ESTABLISHED: /* in softirq */
		if (old_state == TCP_SYN_SENT) {
			state = find_socket_state(sk);
			if (state && state->pid)
				announce(sk, state, sock_netns(sk));
			return 0;
		}
		forget_socket_state(sk);
		state = get_socket_state(sk, 0);
		if (!state) {
			COUNT(lost_socket_state);
			return 0;
		}
		state->role = ROLE_SERVER;
		state->opened_ns = bpf_ktime_get_ns();
		return 0;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		/* After shutdown(SHUT_WR) the answer is still to come: that is no close. */
		if ((READ(sk, sk_shutdown) & SHUTDOWN_MASK) == SHUTDOWN_MASK)
			report_close(sk);
		return 0;
	case TCP_CLOSE:
		/*
		 * Straight from an open state without an error: closed with unread bytes or SO_LINGER 0. The kernel
		 * sends the reset only after this (tcp_disconnect(), __tcp_close()), but it is why the socket closes.
		 */
		if ((old_state == TCP_ESTABLISHED || old_state == TCP_CLOSE_WAIT) && READ(sk, sk_err) == 0)
			report_reset(sk, SOCKET_FLAG_RESET_BY_LOCAL);
		report_close(sk);
		return 0;
	}
	return 0;
}

HOOK("tcp_send_reset")
int BPF_PROG(trace_send_reset, struct sock *sk)
{
	if (sk && is_internet(sk)) /* a reset answering a packet that belongs to no socket has none */
		report_reset(sk, SOCKET_FLAG_RESET_BY_LOCAL);
	return 0;
}

HOOK("tcp_receive_reset")
int BPF_PROG(trace_receive_reset, struct sock *sk)
{
	report_reset(sk, SOCKET_FLAG_RESET_BY_REMOTE);
	return 0;
}
