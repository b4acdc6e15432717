/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sends and receives from the entry and exit of system calls; included by socket.bpf.c when built with USE_RAW_TP. */
#ifndef THROUGHLINE_SOCKET_RAW_TP_H
#define THROUGHLINE_SOCKET_RAW_TP_H

/* include/uapi/linux/stat.h */
#define S_IFMT 0170000
#define S_IFSOCK 0140000

struct running_call {
	struct socket_call call;
	__u64 sock;
	__u64 inode;
	__u64 entered_ns;
	__u32 sequence;
	__u16 is_send;
	__u16 is_tcp;
};

/* With eviction: a thread killed inside its call never leaves it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct running_call);
} running_calls SEC(".maps");

static __always_inline struct file *file_of(int descriptor)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (descriptor < 0 || (__u32)descriptor >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + descriptor);
	return file;
}

static __always_inline struct sock *sock_of(struct file *file)
{
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	struct socket *socket = BPF_CORE_READ(file, private_data);

	return BPF_CORE_READ(socket, sk);
}

static __always_inline bool is_send_call(__u64 number)
{
	return number == NR_WRITE || number == NR_WRITEV || number == NR_SENDTO || number == NR_SENDMSG ||
	       number == NR_SENDMMSG || number == NR_SENDFILE;
}

static __always_inline bool is_receive_call(__u64 number)
{
	return number == NR_READ || number == NR_READV || number == NR_RECVFROM || number == NR_RECVMSG ||
	       number == NR_RECVMMSG;
}

static __always_inline __u32 stream_position(struct sock *sk, bool is_send)
{
	return is_send ? write_position(sk) : read_position(sk);
}

SEC("raw_tp/sys_enter")
int BPF_PROG(trace_enter, struct pt_regs *regs, long number)
{
	bool is_send = is_send_call(number);
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	if ((!is_send && !is_receive_call(number)) || !wanted_pid(pid_tgid >> 32))
		return 0;
	struct file *file = file_of((int)SYSCALL_ARGUMENT_1(regs));
	struct sock *sk = file ? sock_of(file) : NULL;

	if (!sk || !is_internet(sk) || !wanted_netns(sock_netns(sk)))
		return 0;
	__u16 protocol = READ(sk, sk_protocol);

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 0;
	struct running_call running = {
		.call = read_call(regs),
		.sock = (__u64)sk,
		.inode = BPF_CORE_READ(file, f_inode, i_ino),
		.is_send = is_send,
		.is_tcp = protocol == IPPROTO_TCP,
	};

	if (running.call.flags & MSG_PEEK)
		return 0;
	if (running.is_tcp)
		running.sequence = stream_position(sk, is_send);
	running.entered_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&running_calls, &pid_tgid, &running, BPF_ANY))
		COUNT(lost_call_table);
	return 0;
}

/* Bytes moved by a call that returns the number of messages. Datagrams: those of the first message. */
static __always_inline __u32 bytes_of_messages(struct sock *sk, const struct running_call *running)
{
	__u32 bytes = 0;

	if (running->is_tcp)
		return stream_position(sk, running->is_send) - running->sequence;
	bpf_probe_read_user(&bytes, sizeof(bytes),
			    (void *)(running->call.buffer + offsetof(struct mmsghdr, msg_len)));
	return bytes;
}

SEC("raw_tp/sys_exit")
int BPF_PROG(trace_exit, struct pt_regs *regs, long result)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct running_call *found = bpf_map_lookup_elem(&running_calls, &pid_tgid);

	if (!found)
		return 0;
	struct running_call running = *found;
	struct sock *sk = (struct sock *)running.sock;
	__u64 number = running.call.number;

	bpf_map_delete_elem(&running_calls, &pid_tgid);
	if (result < 0)
		return 0;
	if (number == NR_SENDMMSG || number == NR_RECVMMSG)
		result = bytes_of_messages(sk, &running);
	if (result == 0 && (running.is_send || !(READ(sk, sk_shutdown) & RCV_SHUTDOWN)))
		return 0;
	/* A send is stamped where it began: before its packets. A receive where it ended: after them. */
	return socket_io(sk, running.inode, &running.call, running.is_send, result, running.sequence,
			 running.is_send ? running.entered_ns : bpf_ktime_get_ns());
}

#endif
