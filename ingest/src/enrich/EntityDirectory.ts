import { RecentMap, formatAddress } from '@throughline/core';
import { ChangeDetector } from './ChangeDetector.ts';

/**
 * Who is who in one tenant's environment: entities by id, the best name known of each, and who is at the other end of a
 * call. Held in memory, bounded; agents repeat what lives, so a restarted ingest knows it again within their reporting
 * interval.
 */

export interface KnownEntity {
  readonly id: bigint;
  readonly kind: string;
  name: string;
  nameSource: string;
  readonly hostId: string;
  readonly hostName: string;
  readonly pid: number;
  readonly validFromNs: bigint;
  validToNs: bigint;
  readonly attributes: ReadonlyMap<string, string>;
}

export type PeerEvidence = 'exchange' | 'listener' | 'learned' | 'dns' | 'address';

export interface Peer {
  readonly entityId: bigint;
  readonly name: string;
  readonly evidence: PeerEvidence;
}

interface Sides {
  client: bigint;
  server: bigint;
  seenMs: number;
}

interface Listener {
  readonly entityId: bigint;
  readonly fromNs: bigint;
  readonly toNs: bigint;
}

const ENTITIES = 100_000;
const EXCHANGES = 400_000;
const ADDRESSES = 200_000;
/** Processes remembered for one address, those that listened there before among them. */
const PER_ADDRESS = 8;
/** The sides of an exchange come within this; later, the same id is another exchange of the same bytes. */
const EXCHANGE_MS = 120_000;
const ENVIRONMENTS = 64;
/** Agents report all that lives within this. */
const NEW_MS = 15_000;

export class EntityDirectory {
  private readonly entities = new RecentMap<bigint, KnownEntity>(ENTITIES);
  private readonly byProcess = new RecentMap<string, bigint>(ENTITIES);
  private readonly hostNames = new RecentMap<string, true>(ENTITIES);
  private readonly exchanges = new RecentMap<bigint, Sides>(EXCHANGES);
  private readonly listeners = new RecentMap<string, readonly Listener[]>(ADDRESSES);
  private readonly learned = new RecentMap<string, readonly bigint[]>(ADDRESSES);
  private readonly dnsNames = new RecentMap<string, string>(ADDRESSES);
  /** Names that an SDK gave, before or after the agent reported the process. */
  private readonly sdkNames = new RecentMap<bigint, string>(ENTITIES);
  private readonly nowMs: () => number;
  private readonly startedMs: number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.nowMs = nowMs;
    this.startedMs = nowMs();
  }

  /** @returns the entity as it is to be stored: with the SDK's name where one is known. */
  report(entity: KnownEntity): KnownEntity {
    const sdkName = this.sdkNames.get(entity.id);
    if (sdkName !== undefined) {
      entity.name = sdkName;
      entity.nameSource = 'sdk';
    }
    const known = this.entities.get(entity.id);
    // An end that was reported is not taken back by a late repeat.
    if (known && known.validToNs !== 0n && entity.validToNs === 0n) entity.validToNs = known.validToNs;
    this.entities.set(entity.id, entity);
    if (entity.kind === 'process') this.byProcess.set(processKey(entity.hostName, entity.pid), entity.id);
    this.hostNames.set(entity.hostName, true);
    return entity;
  }

  get(id: bigint): KnownEntity | undefined {
    return this.entities.get(id);
  }

  hasHost(hostName: string): boolean {
    return this.hostNames.has(hostName);
  }

  /** Whether agents may be about to report for the first time: theirs and ours may have started together. */
  isNew(): boolean {
    return this.nowMs() - this.startedMs < NEW_MS;
  }

  process(hostName: string, pid: number): KnownEntity | undefined {
    const id = this.byProcess.get(processKey(hostName, pid));
    return id === undefined ? undefined : this.entities.get(id);
  }

  /** @returns the entity where the name is new, so that it is stored again. */
  nameBySdk(id: bigint, name: string): KnownEntity | undefined {
    if (this.sdkNames.get(id) === name) return undefined;
    this.sdkNames.set(id, name);
    const entity = this.entities.get(id);
    if (!entity) return undefined;
    entity.name = name;
    entity.nameSource = 'sdk';
    return entity;
  }

  /** The name was not stored: the next `nameBySdk` is new again. */
  forgetSdkName(id: bigint): void {
    this.sdkNames.delete(id);
  }

  /** @param local where a loopback address means this: host and network namespace; '' for other addresses */
  listen(local: string, address: Uint8Array, port: number, listener: Listener): void {
    const key = addressKey(local, address, port);
    const others = (this.listeners.get(key) ?? []).filter(
      ({ entityId, fromNs }) => entityId !== listener.entityId || fromNs !== listener.fromNs
    );
    this.listeners.set(key, [listener, ...others].slice(0, PER_ADDRESS));
  }

  resolveName(address: Uint8Array, name: string): void {
    this.dnsNames.set(formatAddress(address), name);
  }

  /** One side of an exchange was seen. @param exchange its id, the client's SpanId */
  see(exchange: bigint, side: 'client' | 'server', entityId: bigint): void {
    const sides = this.sidesOf(exchange);
    if (sides) sides[side] = entityId;
    else this.exchanges.set(exchange, { client: 0n, server: 0n, seenMs: this.nowMs(), [side]: entityId });
  }

  otherSide(exchange: bigint, side: 'client' | 'server'): bigint {
    return this.sidesOf(exchange)?.[side === 'client' ? 'server' : 'client'] ?? 0n;
  }

  /** Whether the client's side of a call from there was reported. */
  isSeenClient(address: Uint8Array): boolean {
    return this.learned.has(clientKey(address));
  }

  private sidesOf(exchange: bigint): Sides | undefined {
    const sides = this.exchanges.get(exchange);
    return sides && this.nowMs() - sides.seenMs <= EXCHANGE_MS ? sides : undefined;
  }

  /**
   * The far end of a call, in the order of docs/semantics.md.
   * @param local where a loopback address means something: host and network namespace
   * @param atNs wall clock of the call
   */
  farEnd(
    exchange: bigint,
    side: 'client' | 'server',
    local: string,
    address: Uint8Array,
    port: number,
    atNs: bigint
  ): Peer {
    const other = this.otherSide(exchange, side);
    if (other !== 0n) {
      this.learn(side === 'client' ? addressKey('', address, port) : clientKey(address), other);
      return { entityId: other, name: this.nameOf(other), evidence: 'exchange' };
    }
    const text = formatAddress(address);
    // A client's port says nothing about who it is; its address does where all calls from there were one service's.
    if (side === 'server') {
      const learned = this.learnedAt(clientKey(address), atNs);
      if (learned) return learned;
    } else {
      const listener =
        this.listenerAt(addressKey(local, address, port), atNs) ?? this.listenerAt(addressKey('', address, port), atNs);
      if (listener) return { entityId: listener.entityId, name: this.nameOf(listener.entityId), evidence: 'listener' };
      const learned = this.learnedAt(addressKey('', address, port), atNs);
      if (learned) return learned;
    }
    const dnsName = this.dnsNames.get(text);
    if (dnsName !== undefined) return { entityId: 0n, name: dnsName, evidence: 'dns' };
    return { entityId: 0n, name: side === 'client' ? `${text}:${port}` : text, evidence: 'address' };
  }

  private listenerAt(key: string, atNs: bigint): Listener | undefined {
    return this.listeners.get(key)?.find(({ fromNs, toNs }) => fromNs <= atNs && (toNs === 0n || atNs <= toNs));
  }

  /** Several processes of one service share a virtual address: then the service is known, not the process. */
  private learnedAt(key: string, atNs: bigint): Peer | undefined {
    const alive = (this.learned.get(key) ?? []).filter((id) => {
      const ended = this.entities.get(id)?.validToNs ?? 0n;
      return ended === 0n || atNs <= ended;
    });
    const [first] = alive;
    if (first === undefined) return undefined;
    const name = this.nameOf(first);
    if (alive.length === 1) return { entityId: first, name, evidence: 'learned' };
    const isOneService = name !== '' && alive.every((id) => this.nameOf(id) === name);
    return isOneService ? { entityId: 0n, name, evidence: 'learned' } : undefined;
  }

  private learn(key: string, entityId: bigint): void {
    if (key === '') return;
    const known = this.learned.get(key) ?? [];
    if (known[0] === entityId) return;
    this.learned.set(key, [entityId, ...known.filter((id) => id !== entityId)].slice(0, PER_ADDRESS));
  }

  private nameOf(id: bigint): string {
    return this.entities.get(id)?.name ?? '';
  }
}

type Scope = Readonly<Record<'tenant' | 'environment', string>>;

/** One directory per tenant and environment: what one reports must never name another's. */
export class EntityDirectories {
  private readonly directories = new RecentMap<string, EntityDirectory>(ENVIRONMENTS);
  private readonly detectors = new RecentMap<string, ChangeDetector>(ENVIRONMENTS);

  of(scope: Scope): EntityDirectory {
    return valueOf(this.directories, scope, () => new EntityDirectory());
  }

  changes(scope: Scope): ChangeDetector {
    return valueOf(this.detectors, scope, () => new ChangeDetector());
  }
}

function valueOf<Value>(values: RecentMap<string, Value>, { tenant, environment }: Scope, create: () => Value): Value {
  const key = JSON.stringify([tenant, environment]);
  const value = values.get(key) ?? create();
  values.set(key, value);
  return value;
}

function processKey(hostName: string, pid: number): string {
  return `${hostName}/${pid}`;
}

function addressKey(local: string, address: Uint8Array, port: number): string {
  return `${local}/${formatAddress(address)}:${port}`;
}

/** '' for a loopback address: every host has it, and different clients. */
function clientKey(address: Uint8Array): string {
  const text = formatAddress(address);
  return text === '::1' || text.startsWith('127.') ? '' : `client/${text}`;
}
