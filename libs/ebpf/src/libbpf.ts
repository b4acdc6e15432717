import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EbpfError } from './errors.ts';
import { libc } from './libc.ts';
import { bind, koffi, type Library, type Pointer } from './native.ts';

/** libbpf 1.x; the calls below keep their shape within the major version. */
const SONAME = 'libbpf.so.1';
/** What libbpf needs beside libc, loaded from its own directory where a library is unpacked and not installed. */
const COMPANIONS = ['libz.so.1', 'libzstd.so.1', 'libelf.so.1'];

export interface Libbpf {
  /** Path or soname that was loaded, and what it calls its version. */
  readonly source: string;
  readonly version: string;
  objectOpen(path: string, options: null): Pointer | null;
  objectLoad(object: Pointer): number;
  objectClose(object: Pointer): void;
  objectNextProgram(object: Pointer, previous: Pointer | null): Pointer | null;
  objectFindMap(object: Pointer, name: string): Pointer | null;
  programName(program: Pointer): string;
  programAttach(program: Pointer): Pointer | null;
  programFd(program: Pointer): number;
  linkDestroy(link: Pointer): number;
  mapFd(map: Pointer): number;
  mapSetMaxEntries(map: Pointer, entries: number): number;
  mapInitialValue(map: Pointer, size: BigUint64Array): Pointer | null;
  mapLookup(fd: number, key: ArrayBufferView, value: ArrayBufferView): number;
  mapUpdate(fd: number, key: ArrayBufferView, value: ArrayBufferView, flags: number): number;
  mapDelete(fd: number, key: ArrayBufferView): number;
  objectInfo(fd: number, info: Uint8Array, length: Uint32Array): number;
  possibleCpus(): number;
  setPrint(callback: Pointer | null): Pointer | null;
}

let loaded: Libbpf | undefined;

/** @throws EbpfError EBPF_LIBRARY_MISSING saying where it looked and how to get it */
export function libbpf(): Libbpf {
  loaded ??= bindAll(loadLibrary(process.env['THROUGHLINE_LIBBPF']));
  return loaded;
}

function loadLibrary(configured: string | undefined): { library: Library; source: string } {
  const source = configured !== undefined && configured !== '' ? configured : SONAME;
  try {
    if (source.includes('/')) {
      for (const name of COMPANIONS) {
        const path = join(dirname(source), name);
        // Loaded first, it satisfies libbpf's need for that soname without a search path.
        if (existsSync(path)) koffi().load(path, { global: true });
      }
    }
    return { library: koffi().load(source), source };
  } catch (cause) {
    throw new EbpfError(
      'EBPF_LIBRARY_MISSING',
      `${source} could not be loaded; install package libbpf1 (Debian, Ubuntu) or libbpf (Fedora), ` +
        'or set THROUGHLINE_LIBBPF to the path of a libbpf.so.1',
      { cause }
    );
  }
}

function bindAll({ library, source }: { library: Library; source: string }): Libbpf {
  const version = bind<() => string>(library, 'const char *libbpf_version_string()');
  const bound: Libbpf = {
    source,
    version: version().replace(/^v/, ''),
    objectOpen: bind(library, 'void *bpf_object__open_file(const char *path, void *options)'),
    objectLoad: bind(library, 'int bpf_object__load(void *object)'),
    objectClose: bind(library, 'void bpf_object__close(void *object)'),
    objectNextProgram: bind(library, 'void *bpf_object__next_program(void *object, void *previous)'),
    objectFindMap: bind(library, 'void *bpf_object__find_map_by_name(void *object, const char *name)'),
    programName: bind(library, 'const char *bpf_program__name(void *program)'),
    programAttach: bind(library, 'void *bpf_program__attach(void *program)'),
    programFd: bind(library, 'int bpf_program__fd(void *program)'),
    linkDestroy: bind(library, 'int bpf_link__destroy(void *link)'),
    mapFd: bind(library, 'int bpf_map__fd(void *map)'),
    mapSetMaxEntries: bind(library, 'int bpf_map__set_max_entries(void *map, uint32_t entries)'),
    mapInitialValue: bind(library, 'void *bpf_map__initial_value(void *map, void *size)'),
    mapLookup: bind(library, 'int bpf_map_lookup_elem(int fd, void *key, void *value)'),
    mapUpdate: bind(library, 'int bpf_map_update_elem(int fd, void *key, void *value, uint64_t flags)'),
    mapDelete: bind(library, 'int bpf_map_delete_elem(int fd, void *key)'),
    objectInfo: bind(library, 'int bpf_obj_get_info_by_fd(int fd, void *info, void *length)'),
    possibleCpus: bind(library, 'int libbpf_num_possible_cpus()'),
    setPrint: bind(library, 'void *libbpf_set_print(void *callback)'),
  };
  bound.setPrint(null); // by default it writes to stderr
  return bound;
}

/** libbpf's levels: 0 warning, 1 information, 2 debug. */
const LEVEL_INFORMATION = 1;
const LINE_BYTES = 1 << 16;

/**
 * Runs `inside` and keeps what libbpf says meanwhile, the verifier's log among it. libbpf has one printer for the whole
 * process: only one thread may be inside at a time.
 */
export function captureLog<T>(inside: (lines: string[]) => T): T {
  const bpf = libbpf();
  const ffi = koffi();
  const lines: string[] = [];
  const line = Buffer.alloc(LINE_BYTES);
  const print = (level: number, format: Pointer, parameters: Pointer): number => {
    if (level > LEVEL_INFORMATION) return 0;
    const length = libc().vsnprintf(line, line.length, format, parameters);
    lines.push(line.toString('latin1', 0, Math.min(length, line.length - 1)).trimEnd());
    return 0;
  };
  // va_list is passed as a pointer to it, on x86-64 and on arm64 (AAPCS64: composites over 16 bytes by reference).
  const callback = ffi.register(print, ffi.pointer(ffi.proto('int', ['int', 'void *', 'void *'])));
  bpf.setPrint(callback);
  try {
    return inside(lines);
  } finally {
    bpf.setPrint(null);
    ffi.unregister(callback);
  }
}
