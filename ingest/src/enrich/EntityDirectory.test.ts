import { describe, expect, it } from 'vitest';
import { mapIPv4 } from '@throughline/core';
import { EntityDirectories, EntityDirectory, type KnownEntity } from './EntityDirectory.ts';

const VIRTUAL = mapIPv4(Uint8Array.of(10, 96, 0, 1));
const HOST = mapIPv4(Uint8Array.of(10, 0, 0, 2));
const LOOPBACK = mapIPv4(Uint8Array.of(127, 0, 0, 1));

function process(id: bigint, name: string, over: Partial<KnownEntity> = {}): KnownEntity {
  return {
    id,
    kind: 'process',
    name,
    nameSource: 'command',
    hostId: 'h',
    hostName: 'h',
    pid: Number(id),
    validFromNs: 0n,
    validToNs: 0n,
    attributes: new Map(),
    ...over,
  };
}

/** A client's exchange with the virtual address was seen to arrive at `server`. */
function arrive(directory: EntityDirectory, exchange: bigint, server: bigint): void {
  directory.see(exchange, 'server', server);
  directory.farEnd(exchange, 'client', '', VIRTUAL, 80, 1n);
}

const callVirtual = (directory: EntityDirectory, atNs = 100n) =>
  directory.farEnd(999n, 'client', '', VIRTUAL, 80, atNs);

describe('the far end of a call', () => {
  it('is the other side, the listener, what was learned, the DNS name, the address, in this order', () => {
    const directory = new EntityDirectory();
    for (const [id, name] of [
      [1n, 'seen'],
      [2n, 'listening'],
      [3n, 'behind'],
    ] as const) {
      directory.report(process(id, name));
    }
    const call = (exchange = 50n) => directory.farEnd(exchange, 'client', '', VIRTUAL, 80, 100n);
    expect(call()).toEqual({ entityId: 0n, name: '10.96.0.1:80', evidence: 'address' });
    directory.resolveName(VIRTUAL, 'shop.local');
    expect(call()).toEqual({ entityId: 0n, name: 'shop.local', evidence: 'dns' });
    arrive(directory, 10n, 3n);
    expect(call()).toEqual({ entityId: 3n, name: 'behind', evidence: 'learned' });
    directory.listen('', VIRTUAL, 80, { entityId: 2n, fromNs: 0n, toNs: 0n });
    expect(call()).toEqual({ entityId: 2n, name: 'listening', evidence: 'listener' });
    directory.see(51n, 'server', 1n);
    expect(call(51n)).toEqual({ entityId: 1n, name: 'seen', evidence: 'exchange' });
  });

  it('is who listened at the time of the call, not who listens now', () => {
    const directory = new EntityDirectory();
    directory.listen('', HOST, 80, { entityId: 1n, fromNs: 10n, toNs: 0n });
    directory.listen('', HOST, 80, { entityId: 1n, fromNs: 10n, toNs: 20n });
    directory.listen('', HOST, 80, { entityId: 2n, fromNs: 30n, toNs: 0n });
    const at = (ns: bigint) => directory.farEnd(9n, 'client', '', HOST, 80, ns);
    expect(at(15n)).toMatchObject({ entityId: 1n, evidence: 'listener' });
    expect(at(25n)).toMatchObject({ entityId: 0n, evidence: 'address' });
    expect(at(35n)).toMatchObject({ entityId: 2n, evidence: 'listener' });
  });

  it('does not take a loopback address of another host or namespace for its own', () => {
    const directory = new EntityDirectory();
    directory.listen('h/1', LOOPBACK, 80, { entityId: 1n, fromNs: 0n, toNs: 0n });
    expect(directory.farEnd(9n, 'client', 'h/1', LOOPBACK, 80, 1n).entityId).toBe(1n);
    expect(directory.farEnd(9n, 'client', 'h/2', LOOPBACK, 80, 1n).entityId).toBe(0n);
  });

  it('is a service, not one of its processes, where several stand behind one address', () => {
    const directory = new EntityDirectory();
    directory.report(process(1n, 'orders'));
    directory.report(process(2n, 'orders'));
    arrive(directory, 10n, 1n);
    arrive(directory, 11n, 2n);
    expect(callVirtual(directory)).toEqual({ entityId: 0n, name: 'orders', evidence: 'learned' });
  });

  it('is not guessed among different services behind one address', () => {
    const directory = new EntityDirectory();
    directory.report(process(1n, 'orders'));
    directory.report(process(2n, 'prices'));
    arrive(directory, 10n, 1n);
    arrive(directory, 11n, 2n);
    expect(callVirtual(directory).evidence).toBe('address');
  });

  it('is not a process that had ended', () => {
    const directory = new EntityDirectory();
    directory.report(process(1n, 'orders', { validToNs: 50n }));
    directory.report(process(2n, 'orders'));
    arrive(directory, 10n, 1n);
    arrive(directory, 11n, 2n);
    expect(callVirtual(directory, 100n)).toMatchObject({ entityId: 2n, evidence: 'learned' });
  });

  it('is the service that all calls from an address were seen to come from', () => {
    const directory = new EntityDirectory();
    directory.report(process(3n, 'shop'));
    directory.report(process(4n, 'shop'));
    directory.report(process(5n, 'cron'));
    const caller = (exchange: bigint, address = HOST) =>
      directory.farEnd(exchange, 'server', 'h/1', address, 40_000, 1n);
    const call = (exchange: bigint, client: bigint, address = HOST): void => {
      directory.see(exchange, 'client', client);
      caller(exchange, address);
    };
    expect([caller(1n).evidence, directory.isSeenClient(HOST)]).toEqual(['address', false]);
    call(1n, 3n);
    expect([caller(2n), directory.isSeenClient(HOST)]).toEqual([
      { entityId: 3n, name: 'shop', evidence: 'learned' },
      true,
    ]);
    call(2n, 4n);
    expect(caller(3n)).toEqual({ entityId: 0n, name: 'shop', evidence: 'learned' });
    call(3n, 5n);
    expect([caller(4n).evidence, directory.isSeenClient(HOST)]).toEqual(['address', true]);
    call(5n, 3n, LOOPBACK);
    expect([caller(6n, LOOPBACK).evidence, directory.isSeenClient(LOOPBACK)]).toEqual(['address', false]);
  });

  it('is not the other side of an earlier exchange of the same id', () => {
    let nowMs = 0;
    const directory = new EntityDirectory(() => nowMs);
    directory.see(7n, 'server', 1n);
    nowMs = 119_000;
    expect(directory.otherSide(7n, 'client')).toBe(1n);
    nowMs = 121_000;
    expect(directory.otherSide(7n, 'client')).toBe(0n);
  });
});

describe('names', () => {
  it('keep what the SDK said over what agents say later', () => {
    const directory = new EntityDirectory();
    directory.report(process(1n, 'java'));
    expect(directory.nameBySdk(1n, 'orders')).toMatchObject({ name: 'orders', nameSource: 'sdk' });
    expect(directory.nameBySdk(1n, 'orders')).toBeUndefined();
    expect(directory.report(process(1n, 'java'))).toMatchObject({ name: 'orders', nameSource: 'sdk' });
  });

  it('are new again where they were not stored', () => {
    const directory = new EntityDirectory();
    directory.report(process(1n, 'java'));
    directory.nameBySdk(1n, 'orders');
    directory.forgetSdkName(1n);
    expect(directory.nameBySdk(1n, 'orders')).toMatchObject({ name: 'orders' });
  });

  it('of one tenant and environment are unknown to another', () => {
    const directories = new EntityDirectories();
    directories.of({ tenant: 'a', environment: 'b/c' }).report(process(1n, 'secret'));
    expect(directories.of({ tenant: 'a', environment: 'b/c' }).get(1n)?.name).toBe('secret');
    expect(directories.of({ tenant: 'a/b', environment: 'c' }).get(1n)).toBeUndefined();
  });
});
