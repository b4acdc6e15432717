/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Contract 1, kernel to agent: one record of the ring buffer "events" of packet.bpf.c. Rules as in socket_event.h. */
#ifndef THROUGHLINE_PACKET_EVENT_H
#define THROUGHLINE_PACKET_EVENT_H

/* Captured of a datagram; TCP packets carry none. EDNS advises 1232 bytes at most (dnsflagday.net/2020). */
#define PACKET_PAYLOAD_MAX_BYTES 1232

enum packet_direction {
	PACKET_DIRECTION_RECEIVE = 1,
	PACKET_DIRECTION_TRANSMIT = 2,
};

struct packet_event {
	__u64 timestamp_monotonic_ns;
	__u32 netns;
	__u32 interface_index;
	__u32 sequence;
	__u32 acknowledgement;
	__u32 length_bytes; /* L4 payload in the packet; beyond the MTU with segmentation offload */
	__u32 payload_bytes; /* of them captured, after this header */
	enum packet_direction direction;
	__u16 source_port; /* host order */
	__u16 destination_port;
	__u8 source_address[16]; /* network order, IPv4 as ::ffff:a.b.c.d */
	__u8 destination_address[16];
	char interface_name[16];
	__u8 protocol;
	__u8 tcp_flags;
	__u8 _pad[6];
};

_Static_assert(sizeof(struct packet_event) == 96, "packet_event changed: rebuild, and regenerate events.gen.ts");

/* Written by the agent into .rodata.config before load. */
struct packet_config {
	__u32 filter_netns;          /* 1: only namespaces in map allowed_netns */
	__u32 filter_excluded_ports; /* 1: not TCP ports in map excluded_ports */
	__u32 tcp;                   /* 1: TCP packets, too; 0: only datagrams */
	__u32 udp_port;              /* only datagrams from or to it; 0: all */
};

_Static_assert(sizeof(struct packet_config) == 16, "packet_config changed: rebuild, and regenerate events.gen.ts");

/* The one value of the per-CPU array "counters". lost_: events that did not come; the others came with less in them. */
struct packet_counters {
	__u64 lost_ring_full;
	__u64 lost_fragment; /* a later fragment holds no ports */
	__u64 lost_header;   /* headers not in the linear part, or not well-formed */
	__u64 payload_not_linear; /* datagram came through without its payload */
};

#endif
