// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Packet tracer: TCP and UDP packets at every interface of every wanted network namespace, seen from one place.
 * TCP packets carry no payload (the sockets have it); datagrams carry theirs, since resolvers send through sendmmsg,
 * whose buffers the socket tracer does not see. Linux 5.8 (ring buffer, tp_btf).
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include "include/packet_event.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* include/uapi/linux/if_ether.h */
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88A8
#define VLAN_TAG_BYTES 4
/* RFC 791; RFC 8200 sections 4.3 to 4.6 */
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8
#define IPV6_EXTENSIONS_MAX 4
/* include/uapi/linux/in6.h */
#define IPPROTO_HOPOPTS 0
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS 60
/* RFC 9293 section 3.1 */
#define TCP_FLAGS_THAT_COUNT_ALONE 0x07 /* FIN, SYN, RST */

const volatile struct packet_config settings SEC(".rodata.config") = { .tcp = 1, .udp_port = 53 };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20); /* the agent sets its own before load */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* inode number of a network namespace */
	__type(value, __u8);
} allowed_netns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u16); /* host order */
	__type(value, __u8);
} excluded_ports SEC(".maps");

#include "counters.bpf.h"

/* Where things are in one packet; lengths in bytes. */
struct layout {
	unsigned char *transport;
	__u32 transport_length; /* L4 header and payload */
	__u32 linear_length;    /* of it, what lies in the skb's linear part */
	__u8 protocol;
};

static __always_inline bool is_wanted_protocol(__u8 protocol)
{
	return protocol == IPPROTO_UDP || (protocol == IPPROTO_TCP && settings.tcp);
}

static __always_inline bool is_excluded(__u16 port)
{
	return settings.filter_excluded_ports && bpf_map_lookup_elem(&excluded_ports, &port);
}

/* Steps over VLAN tags still in the packet. @return the network header, its ethertype in `protocol`. */
static __always_inline unsigned char *network_header(struct sk_buff *skb, enum packet_direction direction,
						     __u16 *protocol)
{
	*protocol = bpf_ntohs(skb->protocol);
	if (direction == PACKET_DIRECTION_TRANSMIT) {
		unsigned char *header = skb->head + skb->network_header;
		__u8 version = 0;

		if (*protocol == ETH_P_8021Q || *protocol == ETH_P_8021AD) {
			bpf_probe_read_kernel(&version, sizeof(version), header);
			*protocol = version >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6;
		}
		return header;
	}
	/* On receipt data begins behind the link header; network_header is set only later. */
	unsigned char *header = skb->data;

#pragma unroll
	for (int tags = 0; tags < 2; tags++) {
		if (*protocol != ETH_P_8021Q && *protocol != ETH_P_8021AD)
			break;
		__be16 inner = 0;

		bpf_probe_read_kernel(&inner, sizeof(inner), header + 2); /* after the tag's control field */
		*protocol = bpf_ntohs(inner);
		header += VLAN_TAG_BYTES;
	}
	return header;
}

/* @return false for a packet that is not ours; what is lost is counted. */
static __always_inline bool read_ipv4(unsigned char *header, __u32 packet_length, struct packet_event *event,
				      struct layout *layout)
{
	struct iphdr ip;

	if (bpf_probe_read_kernel(&ip, sizeof(ip), header))
		return false;
	if (!is_wanted_protocol(ip.protocol))
		return false;
	if (bpf_ntohs(ip.frag_off) & IPV4_FRAGMENT_OFFSET) {
		COUNT(lost_fragment);
		return false;
	}
	__u32 header_length = ip.ihl * 4;
	__u32 total_length = bpf_ntohs(ip.tot_len);

	if (total_length == 0) /* BIG TCP, beyond 64 KiB */
		total_length = packet_length;
	if (header_length < sizeof(ip) || total_length < header_length || total_length > packet_length) {
		COUNT(lost_header);
		return false;
	}
	layout->transport = header + header_length;
	layout->transport_length = total_length - header_length;
	layout->protocol = ip.protocol;
	__u32 *source = (__u32 *)event->source_address, *destination = (__u32 *)event->destination_address;

	source[0] = source[1] = destination[0] = destination[1] = 0;
	source[2] = destination[2] = bpf_htonl(0xffff); /* RFC 4291 section 2.5.5.2 */
	source[3] = ip.saddr;
	destination[3] = ip.daddr;
	return true;
}

static __always_inline bool read_ipv6(unsigned char *header, __u32 packet_length, struct packet_event *event,
				      struct layout *layout)
{
	struct ipv6hdr ip;
	__u32 offset = sizeof(ip), total_length;
	__u8 protocol;

	if (bpf_probe_read_kernel(&ip, sizeof(ip), header))
		return false;
	protocol = ip.nexthdr;
	total_length = sizeof(ip) + bpf_ntohs(ip.payload_len);
	if (ip.payload_len == 0) /* BIG TCP, RFC 2675 */
		total_length = packet_length;
#pragma unroll
	for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		__u8 extension[4] = {};

		if (protocol != IPPROTO_HOPOPTS && protocol != IPPROTO_ROUTING && protocol != IPPROTO_DSTOPTS &&
		    protocol != IPPROTO_FRAGMENT)
			break;
		if (bpf_probe_read_kernel(extension, sizeof(extension), header + offset))
			return false;
		if (protocol == IPPROTO_FRAGMENT) {
			if ((extension[2] << 8 | extension[3]) & IPV6_FRAGMENT_OFFSET) {
				COUNT(lost_fragment);
				return false;
			}
			offset += 8;
		} else {
			offset += (extension[1] + 1) * 8;
		}
		protocol = extension[0];
	}
	if (!is_wanted_protocol(protocol))
		return false;
	if (total_length < offset || total_length > packet_length) {
		COUNT(lost_header);
		return false;
	}
	layout->transport = header + offset;
	layout->transport_length = total_length - offset;
	layout->protocol = protocol;
	__builtin_memcpy(event->source_address, &ip.saddr, sizeof(ip.saddr));
	__builtin_memcpy(event->destination_address, &ip.daddr, sizeof(ip.daddr));
	return true;
}

/* @return bytes of the transport header, 0 for a packet that is not wanted. */
static __always_inline __u32 read_tcp(const struct layout *layout, struct packet_event *event)
{
	struct tcphdr tcp;
	__u8 data_offset_and_flags[2];

	if (layout->transport_length < sizeof(tcp) || layout->linear_length < sizeof(tcp) ||
	    bpf_probe_read_kernel(&tcp, sizeof(tcp), layout->transport)) {
		COUNT(lost_header);
		return 0;
	}
	__builtin_memcpy(data_offset_and_flags, (unsigned char *)&tcp + 12, sizeof(data_offset_and_flags));
	__u32 header_length = (data_offset_and_flags[0] >> 4) * 4;

	if (header_length < sizeof(tcp) || header_length > layout->transport_length) {
		COUNT(lost_header);
		return 0;
	}
	event->source_port = bpf_ntohs(tcp.source);
	event->destination_port = bpf_ntohs(tcp.dest);
	event->sequence = bpf_ntohl(tcp.seq);
	event->acknowledgement = bpf_ntohl(tcp.ack_seq);
	event->tcp_flags = data_offset_and_flags[1];
	event->length_bytes = layout->transport_length - header_length;
	if (event->length_bytes == 0 && !(event->tcp_flags & TCP_FLAGS_THAT_COUNT_ALONE))
		return 0; /* a bare acknowledgement */
	return is_excluded(event->source_port) || is_excluded(event->destination_port) ? 0 : header_length;
}

static __always_inline __u32 read_udp(const struct layout *layout, struct packet_event *event)
{
	struct udphdr udp;

	if (layout->transport_length < sizeof(udp) || layout->linear_length < sizeof(udp) ||
	    bpf_probe_read_kernel(&udp, sizeof(udp), layout->transport)) {
		COUNT(lost_header);
		return 0;
	}
	event->source_port = bpf_ntohs(udp.source);
	event->destination_port = bpf_ntohs(udp.dest);
	event->sequence = 0;
	event->acknowledgement = 0;
	event->tcp_flags = 0;
	event->length_bytes = layout->transport_length - sizeof(udp);
	if (settings.udp_port && event->source_port != settings.udp_port && event->destination_port != settings.udp_port)
		return 0;
	return sizeof(udp);
}

struct packet_scratch {
	struct packet_event event;
	__u8 payload[PACKET_PAYLOAD_MAX_BYTES];
};

/* Both hooks run with bottom halves off, so one cannot interrupt the other on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet_scratch);
} scratches SEC(".maps");

static __always_inline int packet(struct sk_buff *skb, struct net_device *device, enum packet_direction direction)
{
	__u32 netns = device->nd_net.net->ns.inum, zero = 0;
	__u16 protocol;

	if (settings.filter_netns && !bpf_map_lookup_elem(&allowed_netns, &netns))
		return 0;
	struct packet_scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);

	if (!scratch)
		return 0;
	struct packet_event *event = &scratch->event;
	struct layout layout = {};
	unsigned char *header = network_header(skb, direction, &protocol);
	__u32 before_header = header - skb->data, packet_length = skb->len - before_header;
	bool is_ours = protocol == ETH_P_IP   ? read_ipv4(header, packet_length, event, &layout) :
		       protocol == ETH_P_IPV6 ? read_ipv6(header, packet_length, event, &layout) :
						false;

	if (!is_ours)
		return 0;
	__u32 linear = skb->len - skb->data_len, before_transport = layout.transport - skb->data;

	layout.linear_length = linear > before_transport ? linear - before_transport : 0;
	__u32 header_length = layout.protocol == IPPROTO_TCP ? read_tcp(&layout, event) : read_udp(&layout, event);

	if (header_length == 0)
		return 0;
	__u64 captured = 0;

	if (layout.protocol == IPPROTO_UDP) {
		captured = event->length_bytes;
		if (captured > PACKET_PAYLOAD_MAX_BYTES)
			captured = PACKET_PAYLOAD_MAX_BYTES;
		barrier_var(captured);
		if (captured > PACKET_PAYLOAD_MAX_BYTES)
			return 0;
		if (layout.linear_length < header_length + captured ||
		    bpf_probe_read_kernel(scratch->payload, captured, layout.transport + header_length)) {
			COUNT(payload_not_linear);
			captured = 0;
		}
	}
	event->timestamp_monotonic_ns = bpf_ktime_get_ns();
	event->netns = netns;
	event->interface_index = device->ifindex;
	event->payload_bytes = captured;
	event->direction = direction;
	event->protocol = layout.protocol;
	bpf_probe_read_kernel(event->interface_name, sizeof(event->interface_name), device->name);
	barrier_var(captured);
	if (captured > PACKET_PAYLOAD_MAX_BYTES)
		captured = PACKET_PAYLOAD_MAX_BYTES;
	if (bpf_ringbuf_output(&events, scratch, sizeof(*event) + captured, BPF_RB_NO_WAKEUP))
		COUNT(lost_ring_full);
	return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(trace_transmit, struct sk_buff *skb, struct net_device *device)
{
	return packet(skb, device, PACKET_DIRECTION_TRANSMIT);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(trace_receive, struct sk_buff *skb)
{
	return packet(skb, skb->dev, PACKET_DIRECTION_RECEIVE);
}
