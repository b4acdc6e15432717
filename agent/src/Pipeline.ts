import { serverSpanId } from '@throughline/core';
import { type CauseLink, type JoinExchange, Joiner } from '@throughline/tracing';
import { SpanBatchBuilder, type agent } from '@throughline/wire';
import { type Clock } from './clock.ts';
import { type EventSource, type PacketEvent, type SocketEvent } from './events.ts';
import { type Exchange } from './exchanges/exchange.ts';
import { ExchangeTracker, type OpenedRequest } from './exchanges/ExchangeTracker.ts';
import { type HostIdentity, type ProcessIdentity, ProcessRegistry } from './resources/ProcessRegistry.ts';
import { appendRow } from './rows.ts';

export interface PipelineOptions {
  readonly sources: readonly EventSource[];
  readonly clock: Clock;
  readonly host: HostIdentity;
  readonly tenant: string;
  readonly environment: string;
  readonly agentId: string;
  /** Namespaces of this host; empty means all. */
  readonly netns: readonly number[];
  readonly excludePids: readonly number[];
  readonly join: boolean;
  /** Share of calls whose ids joining does not see: what pointers find is measured against those ids. @default 0 */
  readonly withholdIds?: number;
  /** No rung sees sockets: all exchanges come from packets. */
  readonly packetsOnly: boolean;
  onBatch(batch: agent.Batch): void;
}

export interface PipelineStatus {
  readonly events: Readonly<Record<string, number>>;
  readonly drops: Readonly<Record<string, number>>;
  readonly links: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
}

/** Rows of a batch; more than this waits for the next, so that memory and messages stay bounded. */
const BATCH_ROWS = 20_000;
const BATCH_BYTES = 4 << 20;
const BATCH_INTERVAL_NS = 500e6;
const SCAN_INTERVAL_MS = 2_000;
/** Everything that lives is reported again, so that an ingest that was restarted knows it. */
const REPORT_ALL_INTERVAL_MS = 15_000;

/** Reasons that leave an exchange with less in it, not out. */
const IMPAIRED = /_not_captured$/;

const NO_LINK: CauseLink = { parentSpanId: 0n, evidence: 'none', probability: 0, candidateCount: 0, candidates: [] };
const NO_IDS = { traceId: '', parentSpanId: '', requestId: '', responseRequestId: '' };

/** The agent's way from events to batches: exchanges, causes, who they belong to, rows. Runs in the capture worker. */
export class Pipeline {
  private readonly options: PipelineOptions;
  private readonly tracker: ExchangeTracker;
  private readonly joiner = new Joiner();
  private readonly registry: ProcessRegistry;
  private readonly builder = new SpanBatchBuilder(4096);
  private readonly excluded: ReadonlySet<number>;
  private readonly waiting = new Map<JoinExchange, { exchange: Exchange; owner: ProcessIdentity | undefined }>();
  private readonly events: Record<string, number> = { socket_events: 0, packets: 0, exchanges: 0, rows: 0, batches: 0 };
  private readonly links: Record<string, number> = {};
  private readonly onlyServiceOf = new Map<number, ProcessIdentity>();
  private names: agent.NameMapping[] = [];
  /** Requests begun since the last batch whose rows are not in one yet: who is at this end is told before the row is. */
  private readonly begun = new Map<string, OpenedRequest>();
  /** What was last said of a process or listener: its end, and a process's name, which an exec changes. */
  private reported = new Map<bigint, string>();
  private batchNumber = 0n;
  private lastBatchNs = 0;
  private lastScanMs = -Infinity;
  private lastReportAllMs = -Infinity;
  private entities: agent.Entity[] = [];

  constructor(options: PipelineOptions) {
    this.options = options;
    this.excluded = new Set(options.excludePids);
    this.registry = new ProcessRegistry({ host: options.host, netns: options.netns });
    this.tracker = new ExchangeTracker(
      // Rings of several namespaces are read in turn: an exchange waits longer for the packets of its hops.
      { packetsOnly: options.packetsOnly, graceNs: options.packetsOnly ? 300e6 : 100e6 },
      {
        onExchange: (exchange) => this.onExchange(exchange),
        onOpen: (request) => this.onOpen(request),
        onDnsAnswer: ({ netns, address, name, timestampNs }) => {
          // A name that is looked up all the time is told once a batch.
          if (
            this.names.length >= 1000 ||
            this.names.some((known) => known.name === name && known.address.equals(address))
          )
            return;
          const seenNs = options.clock.toWallNs(timestampNs);
          this.names.push({ address: Buffer.from(address), name, seenNs, netns });
        },
      }
    );
  }

  /** Drains the sources and moves everything on. @returns number of events, for the caller's back-off */
  poll(): number {
    let count = 0;
    for (const source of this.options.sources) count += source.poll(this.onSocket, this.onPacket);
    const nowNs = Number(process.hrtime.bigint());
    this.tracker.advance(nowNs);
    for (const { exchange: joined, link } of this.joiner.flush(nowNs)) {
      const entry = this.waiting.get(joined);
      if (!entry) continue;
      this.waiting.delete(joined);
      this.append(entry.exchange, link, entry.owner);
    }
    this.scan();
    if (
      this.builder.rows >= BATCH_ROWS ||
      this.builder.approximateBytes >= BATCH_BYTES ||
      nowNs - this.lastBatchNs >= BATCH_INTERVAL_NS
    ) {
      this.flushBatch(nowNs);
    }
    return count;
  }

  /** Ends what is open and sends what is left. */
  close(): void {
    this.poll();
    this.tracker.advance(Infinity);
    for (const { exchange: joined, link } of this.joiner.flush(Infinity)) {
      const entry = this.waiting.get(joined);
      if (entry) this.append(entry.exchange, link, entry.owner);
    }
    this.waiting.clear();
    this.flushBatch(Infinity);
    for (const source of this.options.sources) source.close();
  }

  status(): PipelineStatus {
    return {
      events: {
        ...this.events,
        ...this.counted((reason) => IMPAIRED.test(reason)),
        ...Object.fromEntries(
          Object.entries(this.registry.unreadable).map(([reason, count]) => [`identity_${reason}`, count])
        ),
      },
      drops: this.dropCounts(),
      links: { ...this.links },
      gauges: { ...this.tracker.sizes(), ...this.joiner.sizes(), waiting_rows: this.waiting.size },
    };
  }

  private counted(isWanted: (reason: string) => boolean): Record<string, number> {
    return Object.fromEntries(Object.entries(this.tracker.counters).filter(([reason]) => isWanted(reason)));
  }

  private dropCounts(): Record<string, number> {
    const drops = { ...this.counted((reason) => !IMPAIRED.test(reason)), ...this.joiner.drops };
    for (const source of this.options.sources) {
      for (const [reason, count] of Object.entries(source.drops())) drops[`${source.name}_${reason}`] = count;
    }
    return drops;
  }

  private readonly onSocket = (event: SocketEvent): void => {
    this.events['socket_events']!++;
    this.tracker.onSocket(event);
  };

  private readonly onPacket = (event: PacketEvent): void => {
    this.events['packets']!++;
    this.tracker.onPacket(event);
  };

  private onOpen(request: OpenedRequest): void {
    if (this.excluded.has(request.pid) || request.side === 'network') return;
    // A process may end with its last answer: who it was is read while it lives.
    this.registry.lookup(request.pid, this.options.clock.toWallNs(request.startNs));
    if (this.begun.size < BATCH_ROWS) this.begun.set(sideKey(request), request);
    if (!this.options.join || request.side === 'client') return;
    this.joiner.open({
      spanId: serverSpanId(request.exchangeId),
      startNs: request.startNs,
      processKey: String(request.pid),
      tid: request.tid,
      endpoint: request.endpoint,
      traceId: request.traceId,
      parentSpanId: request.parentSpanId,
      requestId: request.requestId,
      requestIngressId: request.requestIngressId,
    });
  }

  private onExchange(exchange: Exchange): void {
    if (this.excluded.has(exchange.pid)) return;
    this.events['exchanges']!++;
    if (exchange.side === 'network') {
      this.onNetworkExchange(exchange);
      return;
    }
    const owner = this.registry.lookup(exchange.pid, this.options.clock.toWallNs(exchange.startNs));
    if (!this.options.join) {
      this.append(exchange, NO_LINK, owner);
      return;
    }
    const joined: JoinExchange = {
      spanId: exchange.side === 'client' ? exchange.exchangeId : serverSpanId(exchange.exchangeId),
      exchangeId: exchange.exchangeId,
      side: exchange.side,
      startNs: exchange.startNs,
      endNs: exchange.endNs,
      processKey: String(exchange.pid),
      tid: exchange.tid,
      responseTid: exchange.responseTid,
      endpoint: exchange.endpoint,
      traceId: exchange.traceId,
      parentSpanId: exchange.parentSpanId,
      requestId: exchange.requestId,
      responseRequestId: exchange.responseRequestId,
      requestIngressId: exchange.requestIngressId,
      responseIngressId: exchange.responseIngressId,
      answerId: exchange.answerId,
      birthId: exchange.birthId,
      ...(this.isWithheld(exchange) && NO_IDS),
    };
    this.waiting.set(joined, { exchange, owner });
    this.joiner.add(joined);
  }

  /**
   * Packets know no process. The namespace that sent the request, or took it in, is the client's, or the server's: /proc says
   * whose socket that is, and where a namespace holds one service only, it is that one's. The exchange then has that side's
   * row, without a cause; what /proc does not say stays unknown.
   */
  private onNetworkExchange(exchange: Exchange): void {
    const { client, server } = this.options.packetsOnly ? this.ownersOf(exchange) : {};
    if (client && !this.excluded.has(client.pid)) this.append({ ...exchange, side: 'client' }, NO_LINK, client);
    if (server && !this.excluded.has(server.pid)) this.append({ ...exchange, side: 'server' }, NO_LINK, server);
    if (!client && !server) this.append(exchange, NO_LINK, undefined);
  }

  private ownersOf(exchange: Exchange): { client?: ProcessIdentity | undefined; server?: ProcessIdentity | undefined } {
    const { clientAddress, clientPort, serverAddress, serverPort, hops } = exchange;
    // A namespace that only sent the request is the client's, one that only took it in the server's; others pass it on.
    const directions = new Map<number, 'transmit' | 'receive' | 'both'>();
    for (const { netns, direction } of hops) {
      directions.set(netns, (directions.get(netns) ?? direction) === direction ? direction : 'both');
    }
    let client: ProcessIdentity | undefined;
    let server: ProcessIdentity | undefined;
    for (const [netns, direction] of directions) {
      if (direction === 'transmit') {
        client ??= this.registry.socketOwner(netns, clientAddress, clientPort) ?? this.onlyServiceOf.get(netns);
      }
      if (direction === 'receive') {
        server ??= this.registry.listenerAt(netns, serverAddress, serverPort) ?? this.onlyServiceOf.get(netns);
      }
    }
    // Datagrams have no hops: the namespace that showed them first is all that is known.
    if (hops.length === 0) {
      client = this.registry.socketOwner(exchange.netns, clientAddress, clientPort);
      server = this.registry.listenerAt(exchange.netns, serverAddress, serverPort);
    }
    return { client, server };
  }

  private isWithheld({ side, exchangeId }: Exchange): boolean {
    const { withholdIds = 0 } = this.options;
    return withholdIds > 0 && side === 'client' && Number(exchangeId % 1000n) < 1000 * withholdIds;
  }

  private append(exchange: Exchange, link: CauseLink, owner: ProcessIdentity | undefined): void {
    this.begun.delete(sideKey(exchange));
    if (exchange.side === 'client') this.links[link.evidence] = (this.links[link.evidence] ?? 0) + 1;
    if (owner && this.reported.get(owner.id) !== stateOf(owner)) this.report(owner);
    appendRow(this.builder, exchange, link, owner, this.options.clock, this.options.host.hostId);
    this.events['rows']!++;
    if (this.builder.rows >= BATCH_ROWS) this.flushBatch(Number(process.hrtime.bigint()));
  }

  private report(identity: ProcessIdentity): void {
    this.reported.set(identity.id, stateOf(identity));
    this.entities.push({
      id: identity.id,
      kind: 'process',
      name: identity.name,
      nameSource: identity.nameSource,
      validFromNs: identity.validFromNs,
      validToNs: identity.validToNs,
      attributes: new Map(identity.attributes),
      ownerId: 0n,
      address: Buffer.alloc(0),
      port: 0,
      netns: identity.netns,
    });
  }

  /** Who lives and who listens: what changed at each scan, everything now and then. */
  private scan(): void {
    const nowMs = performance.now();
    if (nowMs - this.lastScanMs < SCAN_INTERVAL_MS) return;
    this.lastScanMs = nowMs;
    this.options.clock.sample();
    const isWhole = nowMs - this.lastReportAllMs >= REPORT_ALL_INTERVAL_MS;
    if (isWhole) {
      this.lastReportAllMs = nowMs;
      this.reported.clear();
    }
    const { processes, listeners } = this.registry.scan();
    if (this.options.packetsOnly) this.noteServices(processes);
    for (const identity of processes) {
      if (!this.excluded.has(identity.pid) && this.reported.get(identity.id) !== stateOf(identity))
        this.report(identity);
    }
    for (const listener of listeners) {
      const key = listenerKey(listener.owner.id, listener.address, listener.port, listener.netns);
      if (this.excluded.has(listener.owner.pid) || this.reported.get(key) === String(listener.validToNs)) continue;
      this.reported.set(key, String(listener.validToNs));
      this.entities.push({
        id: key,
        kind: 'listener',
        name: '',
        nameSource: '',
        validFromNs: listener.validFromNs,
        validToNs: listener.validToNs,
        attributes: new Map([['throughline.listener.scope', listener.isNamespaceLocal ? 'namespace' : 'network']]),
        ownerId: listener.owner.id,
        address: Buffer.from(listener.address),
        port: listener.port,
        netns: listener.netns,
      });
    }
  }

  /** Namespaces whose processes are one service, such as a container's: its oldest process stands for it. */
  private noteServices(processes: readonly ProcessIdentity[]): void {
    this.onlyServiceOf.clear();
    const shared = new Set<number>();
    for (const identity of processes) {
      const known = this.onlyServiceOf.get(identity.netns);
      if (known && known.name !== identity.name) shared.add(identity.netns);
      if (!known || identity.startTicks < known.startTicks) this.onlyServiceOf.set(identity.netns, identity);
    }
    for (const netns of shared) this.onlyServiceOf.delete(netns);
  }

  private takeBegun(): agent.BegunExchange[] {
    const begun: agent.BegunExchange[] = [];
    for (const { exchangeId, side, pid, startNs } of this.begun.values()) {
      const owner = this.registry.lookup(pid, this.options.clock.toWallNs(startNs));
      if (!owner) continue;
      if (this.reported.get(owner.id) !== stateOf(owner)) this.report(owner);
      begun.push({ exchangeId, entityId: owner.id, isClient: side === 'client' });
    }
    this.begun.clear();
    return begun;
  }

  private flushBatch(nowNs: number): void {
    this.lastBatchNs = nowNs;
    const begun = this.takeBegun();
    if (this.builder.rows === 0 && this.entities.length === 0 && this.names.length === 0 && begun.length === 0) return;
    const { host, tenant, environment, agentId, clock } = this.options;
    const { monotonicNs, wallNs } = clock.latest();
    this.options.onBatch({
      protocolVersion: 1,
      tenant,
      environment,
      agentId,
      bootId: host.bootId,
      batchNumber: ++this.batchNumber,
      hostId: host.hostId,
      hostName: host.hostName,
      clockSamples: [{ monotonicNs, wallNs }],
      ...this.builder.take(),
      entities: this.entities,
      names: this.names,
      begun,
      drops: new Map(Object.entries(this.dropCounts()).map(([reason, count]) => [reason, BigInt(count)])),
    });
    this.events['batches']!++;
    this.entities = [];
    this.names = [];
  }
}

function sideKey({ exchangeId, side }: Pick<OpenedRequest, 'exchangeId' | 'side'>): string {
  return `${side}/${exchangeId}`;
}

function listenerKey(owner: bigint, address: Uint8Array, port: number, netns: number): bigint {
  let key = owner ^ (BigInt(port) << 32n) ^ BigInt(netns);
  for (const byte of address) key = BigInt.asUintN(64, key * 1099511628211n) ^ BigInt(byte);
  return key;
}

function stateOf({ validToNs, name }: ProcessIdentity): string {
  return `${validToNs} ${name}`;
}
