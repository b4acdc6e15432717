import { createRequire } from 'node:module';
import type * as koffiModule from 'koffi';
import { EbpfError } from './errors.ts';

/** Address in this process; koffi hands out every pointer as one. */
export type Pointer = bigint;

type Koffi = typeof koffiModule;
export type Library = ReturnType<Koffi['load']>;

let loaded: Koffi | undefined;

/** The only import of koffi: on first use, so that programs which load no BPF run where it is absent. */
export function koffi(): Koffi {
  try {
    loaded ??= createRequire(import.meta.url)('koffi') as Koffi;
    return loaded;
  } catch (cause) {
    throw new EbpfError('EBPF_FFI_MISSING', 'package koffi could not be loaded; run "npm install"', { cause });
  }
}

/** Binds a C function by its prototype. The caller states the JavaScript type; koffi checks arguments at the call. */
export function bind<F extends (...parameters: never[]) => unknown>(library: Library, prototype: string): F {
  return library.func(prototype) as unknown as F;
}

/** Errno of this thread's last failed call. */
export function lastErrno(): number {
  return koffi().errno();
}

/** Memory of this process as an ArrayBuffer. Touching it after the memory is unmapped crashes the process. */
export function viewMemory(pointer: Pointer, bytes: number): ArrayBuffer {
  return koffi().view(pointer, bytes);
}
