import { formatAddress } from '@throughline/core';

/**
 * Who is who: entities by id, the best name known of each, and who is at the other end of a call. Held in memory, bounded;
 * agents repeat what lives, so a restarted ingest knows it again within their reporting interval.
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
}

/** Least recently set entries leave first. */
class BoundedMap<Key, Value> extends Map<Key, Value> {
  private readonly limit: number;
  constructor(limit: number) {
    super();
    this.limit = limit;
  }
  override set(key: Key, value: Value): this {
    super.delete(key);
    super.set(key, value);
    if (this.size > this.limit) super.delete(this.keys().next().value as Key);
    return this;
  }
}

const ENTITIES = 100_000;
const EXCHANGES = 400_000;
const ADDRESSES = 200_000;

export class EntityDirectory {
  private readonly entities = new BoundedMap<bigint, KnownEntity>(ENTITIES);
  private readonly byProcess = new BoundedMap<string, bigint>(ENTITIES);
  private readonly hostNames = new BoundedMap<string, true>(ENTITIES);
  private readonly exchanges = new BoundedMap<bigint, Sides>(EXCHANGES);
  private readonly listeners = new BoundedMap<string, { entityId: bigint; fromNs: bigint; toNs: bigint }>(ADDRESSES);
  private readonly learned = new BoundedMap<string, bigint>(ADDRESSES);
  private readonly dnsNames = new BoundedMap<string, string>(ADDRESSES);
  /** Names that an SDK gave, before or after the agent reported the process. */
  private readonly sdkNames = new BoundedMap<bigint, string>(ENTITIES);

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

  listen(scope: string, address: Uint8Array, port: number, entityId: bigint, fromNs: bigint, toNs: bigint): void {
    this.listeners.set(addressKey(scope, address, port), { entityId, fromNs, toNs });
  }

  resolveName(scope: string, address: Uint8Array, name: string): void {
    this.dnsNames.set(`${scope}/${formatAddress(address)}`, name);
  }

  /** One side of an exchange was seen. @param exchange its id, the client's SpanId */
  see(exchange: bigint, side: 'client' | 'server', entityId: bigint): void {
    const sides = this.exchanges.get(exchange);
    if (sides) sides[side] = entityId;
    else this.exchanges.set(exchange, { client: 0n, server: 0n, [side]: entityId });
  }

  otherSide(exchange: bigint, side: 'client' | 'server'): bigint {
    const sides = this.exchanges.get(exchange);
    return sides ? sides[side === 'client' ? 'server' : 'client'] : 0n;
  }

  /**
   * The far end of a call, in the order of docs/semantics.md.
   * @param scope tells addresses apart that mean something else elsewhere: tenant and environment
   * @param local scope of loopback addresses: host and network namespace
   */
  farEnd(
    exchange: bigint,
    side: 'client' | 'server',
    scope: string,
    local: string,
    address: Uint8Array,
    port: number,
    atNs: bigint
  ): Peer {
    const other = this.otherSide(exchange, side);
    if (other !== 0n) {
      if (side === 'client') this.learn(scope, address, port, other);
      return { entityId: other, name: this.nameOf(other), evidence: 'exchange' };
    }
    const text = formatAddress(address);
    // A client's port says nothing about who it is.
    if (side === 'client') {
      const listener =
        this.listeners.get(addressKey(local, address, port)) ?? this.listeners.get(addressKey(scope, address, port));
      if (listener && listener.fromNs <= atNs && (listener.toNs === 0n || atNs <= listener.toNs)) {
        return { entityId: listener.entityId, name: this.nameOf(listener.entityId), evidence: 'listener' };
      }
      const learned = this.learned.get(addressKey(scope, address, port));
      if (learned !== undefined) return { entityId: learned, name: this.nameOf(learned), evidence: 'learned' };
    }
    const dnsName = this.dnsNames.get(`${scope}/${text}`);
    if (dnsName !== undefined) return { entityId: 0n, name: dnsName, evidence: 'dns' };
    return { entityId: 0n, name: side === 'client' ? `${text}:${port}` : text, evidence: 'address' };
  }

  private learn(scope: string, address: Uint8Array, port: number, entityId: bigint): void {
    const key = addressKey(scope, address, port);
    if (this.learned.get(key) !== entityId) this.learned.set(key, entityId);
  }

  private nameOf(id: bigint): string {
    return this.entities.get(id)?.name ?? '';
  }
}

function processKey(hostName: string, pid: number): string {
  return `${hostName}/${pid}`;
}

function addressKey(scope: string, address: Uint8Array, port: number): string {
  return `${scope}/${formatAddress(address)}:${port}`;
}
