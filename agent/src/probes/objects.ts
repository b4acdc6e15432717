import { fileURLToPath } from 'node:url';
import { type BpfObject } from '@throughline/ebpf';
import { type CaptureOptions } from './options.ts';

export type ObjectName = 'socket' | 'socket_raw_tp' | 'packet';

/** @returns path of a committed object of the kernel side */
export function objectPath(name: ObjectName): string {
  return fileURLToPath(new URL(`../../../bpf/prebuilt/${name}.bpf.o`, import.meta.url));
}

/** Values of a struct of u32 fields, at the offsets that the object's BTF gives. */
export function packU32<S extends { readonly size: number }>(
  layout: S,
  values: { readonly [K in Exclude<keyof S, 'size'>]: number }
): Uint8Array {
  const view = new DataView(new ArrayBuffer(layout.size));
  for (const [field, value] of Object.entries<number>(values)) {
    view.setUint32(layout[field as keyof S] as number, value, true);
  }
  return new Uint8Array(view.buffer);
}

const PRESENT = new Uint8Array([1]);

export function allowNamespaces(object: BpfObject, options: CaptureOptions): void {
  for (const inode of options.netns) object.updateMap('allowed_netns', new Uint32Array([inode]), PRESENT);
}

export function excludeProcesses(object: BpfObject, options: CaptureOptions): void {
  for (const pid of options.excludePids) object.updateMap('excluded_pids', new Uint32Array([pid]), PRESENT);
}

export function excludePorts(object: BpfObject, options: CaptureOptions): void {
  for (const port of options.excludePorts) object.updateMap('excluded_ports', new Uint16Array([port]), PRESENT);
}
