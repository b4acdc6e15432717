/** What to capture; the same for every rung that can honour it. */
export interface CaptureOptions {
  /** Bytes captured of each send and receive, at most 1024. */
  readonly captureBytes: number;
  /** The agent's process, never captured. */
  readonly ownPid: number;
  readonly excludePids: readonly number[];
  /** Inode numbers of network namespaces; empty means all. */
  readonly netns: readonly number[];
  /** Datagrams are captured only from or to this port; 0 means all. */
  readonly udpPort: number;
  /** TCP ports whose packets are left out, such as the agent's own connection to ingest. Packets only. */
  readonly excludePorts: readonly number[];
  /** Bytes of the ring for sockets; a power of two. 32 MiB hold about 0.4 s at 300,000 events/s. */
  readonly socketRingBytes: number;
  /** Bytes of the ring for packets; a power of two. */
  readonly packetRingBytes: number;
}

export const DEFAULT_CAPTURE: CaptureOptions = {
  captureBytes: 1024,
  ownPid: process.pid,
  excludePids: [],
  netns: [],
  udpPort: 53,
  excludePorts: [],
  socketRingBytes: 32 << 20,
  packetRingBytes: 16 << 20,
};
