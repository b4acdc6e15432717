import { EbpfError } from './errors.ts';
import { captureLog, libbpf } from './libbpf.ts';
import { lastErrno, type Pointer, viewMemory } from './native.ts';

/** Lines of libbpf's log that go into an error message: the last ones hold the verifier's verdict. */
const LOG_TAIL_LINES = 6;

/**
 * One BPF object file: open, configure, load, attach, read. Links are file descriptors and nothing is pinned, so
 * everything is gone with the process, however it ends.
 */
export class BpfObject {
  readonly path: string;
  #object: Pointer | undefined;
  #links: Pointer[] = [];

  /** @throws EbpfError EBPF_LIBRARY_MISSING, EBPF_OBJECT_OPEN */
  constructor(path: string) {
    this.path = path;
    this.#object = captureLog((lines) => {
      const object = libbpf().objectOpen(path, null);
      if (object === null) throw this.#error('EBPF_OBJECT_OPEN', `${path} could not be opened`, lines);
      return object;
    });
  }

  /** Writes a read-only data section (".rodata.name"), before `load`. @param bytes no longer than the section */
  setData(section: string, bytes: Uint8Array): void {
    const size = new BigUint64Array(1);
    const pointer = libbpf().mapInitialValue(this.#map(section), size);
    if (pointer === null || bytes.length > Number(size[0])) {
      throw new EbpfError('EBPF_MAP', `${section} of ${this.path} does not hold ${bytes.length} bytes`);
    }
    new Uint8Array(viewMemory(pointer, bytes.length)).set(bytes);
  }

  /** Size of a map, before `load`. @param entries for a ring buffer its bytes: a power of two, at least a page */
  setMaxEntries(map: string, entries: number): void {
    const result = libbpf().mapSetMaxEntries(this.#map(map), entries);
    if (result !== 0) throw new EbpfError('EBPF_MAP', `map ${map} cannot have ${entries} entries`, { errno: -result });
  }

  /** @throws EbpfError EBPF_OBJECT_LOAD with the end of libbpf's log */
  load(): void {
    captureLog((lines) => {
      const result = libbpf().objectLoad(this.#open());
      if (result !== 0) throw this.#error('EBPF_OBJECT_LOAD', `${this.path} could not be loaded`, lines, -result);
    });
  }

  /** Attaches every program of the object. @throws EbpfError EBPF_ATTACH naming the program */
  attach(): void {
    captureLog((lines) => {
      for (const program of this.#programs()) {
        const link = libbpf().programAttach(program);
        if (link === null) {
          throw this.#error('EBPF_ATTACH', `program ${libbpf().programName(program)} could not be attached`, lines);
        }
        this.#links.push(link);
      }
    });
  }

  mapFd(map: string): number {
    return libbpf().mapFd(this.#map(map));
  }

  updateMap(map: string, key: ArrayBufferView, value: ArrayBufferView): void {
    const result = libbpf().mapUpdate(this.mapFd(map), key, value, 0);
    if (result !== 0) throw new EbpfError('EBPF_MAP', `map ${map} could not be written`, { errno: -result });
  }

  deleteFromMap(map: string, key: ArrayBufferView): void {
    libbpf().mapDelete(this.mapFd(map), key);
  }

  /** First value of a per-CPU array of 64 bit counters, summed over CPUs. @returns length `bytes` / 8 */
  sumCounters(map: string, bytes: number): Float64Array {
    const perCpu = bytes / 8;
    const values = new BigUint64Array(perCpu * libbpf().possibleCpus());
    const result = libbpf().mapLookup(this.mapFd(map), new Uint32Array(1), values);
    if (result !== 0) throw new EbpfError('EBPF_MAP', `map ${map} could not be read`, { errno: -result });
    const sums = new Float64Array(perCpu);
    for (let i = 0; i < values.length; i++) sums[i % perCpu]! += Number(values[i]);
    return sums;
  }

  /** Runs that the kernel skipped because the program was already running on that CPU. */
  recursionMisses(): number {
    let misses = 0;
    for (const program of this.#programs()) misses += readRecursionMisses(libbpf().programFd(program));
    return misses;
  }

  close(): void {
    for (const link of this.#links) libbpf().linkDestroy(link);
    this.#links = [];
    if (this.#object !== undefined) libbpf().objectClose(this.#object);
    this.#object = undefined;
  }

  *#programs(): Generator<Pointer> {
    const object = this.#open();
    let program = libbpf().objectNextProgram(object, null);
    while (program !== null) {
      yield program;
      program = libbpf().objectNextProgram(object, program);
    }
  }

  #open(): Pointer {
    if (this.#object === undefined) throw new EbpfError('EBPF_OBJECT_OPEN', `${this.path} is closed`);
    return this.#object;
  }

  #map(name: string): Pointer {
    const map = libbpf().objectFindMap(this.#open(), name);
    if (map === null) throw new EbpfError('EBPF_MAP', `${this.path} has no map ${name}`);
    return map;
  }

  #error(code: 'EBPF_OBJECT_OPEN' | 'EBPF_OBJECT_LOAD' | 'EBPF_ATTACH', what: string, lines: string[], errno?: number) {
    const said = lines.slice(-LOG_TAIL_LINES).join('\n');
    return new EbpfError(code, said === '' ? what : `${what}:\n${said}`, { errno: errno ?? lastErrno() });
  }
}

/** struct bpf_prog_info, include/uapi/linux/bpf.h: recursion_misses (Linux 5.12). */
const PROGRAM_INFO_BYTES = 232;
const RECURSION_MISSES_OFFSET = 208;

function readRecursionMisses(programFd: number): number {
  const info = new Uint8Array(PROGRAM_INFO_BYTES);
  const length = new Uint32Array([PROGRAM_INFO_BYTES]);
  if (libbpf().objectInfo(programFd, info, length) !== 0) return 0;
  if (length[0]! < RECURSION_MISSES_OFFSET + 8) return 0;
  return Number(new DataView(info.buffer).getBigUint64(RECURSION_MISSES_OFFSET, true));
}
