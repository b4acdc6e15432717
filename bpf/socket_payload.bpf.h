/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The user's buffer of a send or receive, found from the registers saved at the system call's entry. */
#ifndef THROUGHLINE_SOCKET_PAYLOAD_H
#define THROUGHLINE_SOCKET_PAYLOAD_H

/* Pieces of a vector that are read; what lies beyond is missing from the captured prefix. */
#define VECTOR_PIECES_MAX 8

struct socket_call {
	__u64 buffer; /* second argument: bytes, struct iovec[] or struct msghdr */
	__u64 count;  /* third argument: bytes, pieces or flags */
	__u64 peer;   /* fifth argument of sendto: struct sockaddr */
	__u64 flags;  /* MSG_* where the call has them */
	__u64 number;
};

struct socket_scratch {
	struct socket_event event;
	__u8 payload[2 * SOCKET_PAYLOAD_MAX_BYTES]; /* twice, so that offset plus length is provably within */
};

static __always_inline struct socket_call read_call(struct pt_regs *regs)
{
	struct socket_call call = {
		.number = SYSCALL_NUMBER(regs),
		.buffer = SYSCALL_ARGUMENT_2(regs),
		.count = SYSCALL_ARGUMENT_3(regs),
		.peer = SYSCALL_ARGUMENT_5(regs),
	};

	if (call.number == NR_SENDTO || call.number == NR_RECVFROM)
		call.flags = SYSCALL_ARGUMENT_4(regs);
	else if (call.number == NR_SENDMSG || call.number == NR_RECVMSG)
		call.flags = call.count;
	return call;
}

static __always_inline __u64 gather(struct socket_scratch *scratch, const struct iovec *pieces, __u64 piece_count,
				    __u64 wanted)
{
	__u64 offset = 0;

#pragma unroll
	for (int i = 0; i < VECTOR_PIECES_MAX; i++) {
		struct iovec piece;

		if (i >= piece_count || offset >= wanted)
			break;
		if (bpf_probe_read_user(&piece, sizeof(piece), pieces + i))
			break;
		__u64 bytes = wanted - offset, available = piece.iov_len;

		if (available < bytes)
			bytes = available;
		barrier_var(bytes);
		barrier_var(offset);
		if (bytes > SOCKET_PAYLOAD_MAX_BYTES || offset >= SOCKET_PAYLOAD_MAX_BYTES)
			break;
		if (bpf_probe_read_user(scratch->payload + offset, bytes, piece.iov_base))
			break;
		offset += bytes;
	}
	return offset;
}

/* @return bytes captured; 0 with PAYLOAD_MISSING set in the event where there should have been some. */
static __always_inline __u64 capture_payload(struct socket_scratch *scratch, const struct socket_call *call,
					     __u64 length)
{
	__u64 wanted = settings.capture_bytes, captured = 0;

	if (wanted > SOCKET_PAYLOAD_MAX_BYTES)
		wanted = SOCKET_PAYLOAD_MAX_BYTES;
	if (length < wanted)
		wanted = length;
	barrier_var(wanted);
	if (wanted == 0 || wanted > SOCKET_PAYLOAD_MAX_BYTES)
		return 0;
	switch (call->number) {
	case NR_READ:
	case NR_WRITE:
	case NR_SENDTO:
	case NR_RECVFROM:
		if (!(call->flags & MSG_TRUNC) && !bpf_probe_read_user(scratch->payload, wanted, (void *)call->buffer))
			captured = wanted;
		break;
	case NR_READV:
	case NR_WRITEV:
		captured = gather(scratch, (void *)call->buffer, call->count, wanted);
		break;
	case NR_SENDMSG:
	case NR_RECVMSG: {
		struct user_msghdr message;

		if (!(call->flags & MSG_TRUNC) && !bpf_probe_read_user(&message, sizeof(message), (void *)call->buffer))
			captured = gather(scratch, message.msg_iov, message.msg_iovlen, wanted);
		break;
	}
	default:
		COUNT(payload_unsupported);
		scratch->event.flags |= SOCKET_FLAG_PAYLOAD_MISSING;
		return 0;
	}
	if (captured == 0) {
		COUNT(payload_fault);
		scratch->event.flags |= SOCKET_FLAG_PAYLOAD_MISSING;
	}
	return captured;
}

/* Where an unconnected datagram socket sends to; leaves the event's remote side as it is where that is unknown. */
static __always_inline void read_peer(struct socket_event *event, const struct socket_call *call)
{
	const void *from = 0;
	struct sockaddr_in6 peer = {};

	if (call->number == NR_SENDTO) {
		from = (void *)call->peer;
	} else if (call->number == NR_SENDMSG) {
		struct user_msghdr message;

		if (!bpf_probe_read_user(&message, sizeof(message), (void *)call->buffer))
			from = message.msg_name;
	}
	if (!from || bpf_probe_read_user(&peer, sizeof(struct sockaddr_in), from))
		return;
	if (peer.sin6_family == AF_INET) {
		event->remote_port = bpf_ntohs(peer.sin6_port); /* at the same place in struct sockaddr_in */
		write_mapped_ipv4(event->remote_address, ((struct sockaddr_in *)&peer)->sin_addr.s_addr);
	} else if (peer.sin6_family == AF_INET6 && !bpf_probe_read_user(&peer, sizeof(peer), from)) {
		event->remote_port = bpf_ntohs(peer.sin6_port);
		__builtin_memcpy(event->remote_address, &peer.sin6_addr, 16);
	}
}

#endif
