/** Link types of capture files: https://www.tcpdump.org/linktypes.html. Packet sockets are mapped to the same numbers. */
export const LINK_NULL = 0;
export const LINK_ETHERNET = 1;
/** Raw IP: 101, and the values some systems wrote before it was assigned. */
export const LINK_RAW: ReadonlySet<number> = new Set([12, 14, 101, 228, 229]);
export const LINK_LOOP = 108;
export const LINK_LINUX_COOKED = 113;
export const LINK_LINUX_COOKED_2 = 276;

/** ARPHRD_*, include/uapi/linux/if_arp.h. */
const HARDWARE_ETHERNET = 1;
const HARDWARE_LOOPBACK = 772;

/** Interfaces that are neither Ethernet nor loopback (tunnels, PPP) hand packets from the IP header on. */
export function linkTypeOfHardware(hardwareType: number): number {
  return hardwareType === HARDWARE_ETHERNET || hardwareType === HARDWARE_LOOPBACK ? LINK_ETHERNET : 101;
}
