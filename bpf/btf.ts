/**
 * Structs and enums of a BPF object's own BTF: enough of ELF and BTF to generate offsets without any tool.
 * https://docs.kernel.org/bpf/btf.html, sections 2 (type encoding) and 4.1 (.BTF section). Little-endian objects only.
 */

export interface BtfMember {
  readonly name: string;
  readonly offsetBytes: number;
}

export interface BtfStruct {
  readonly name: string;
  readonly sizeBytes: number;
  readonly members: readonly BtfMember[];
}

export interface BtfEnum {
  readonly name: string;
  readonly values: readonly (readonly [name: string, value: number])[];
}

export interface Btf {
  readonly structs: ReadonlyMap<string, BtfStruct>;
  readonly enums: ReadonlyMap<string, BtfEnum>;
}

const BTF_MAGIC = 0xeb9f;
const KIND = { array: 3, struct: 4, union: 5, enum: 6, functionPrototype: 13, variable: 14, dataSection: 15 } as const;
const DECLARATION_TAG = 17;
const ENUM64 = 19;
/** Kinds whose record is the 12 byte header and, for INT, one word more. */
const INT = 1;

/** @throws Error where `object` is no little-endian ELF64 file with a .BTF section */
export function readBtf(object: Uint8Array): Btf {
  const section = elfSection(object, '.BTF');
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  if (view.getUint16(0, true) !== BTF_MAGIC) throw new Error('no BTF: wrong magic in section .BTF');
  const headerBytes = view.getUint32(4, true);
  const typesStart = headerBytes + view.getUint32(8, true);
  const typesEnd = typesStart + view.getUint32(12, true);
  const stringsStart = headerBytes + view.getUint32(16, true);
  const name = (offset: number): string => cString(section, stringsStart + offset);

  const structs = new Map<string, BtfStruct>();
  const enums = new Map<string, BtfEnum>();
  for (let at = typesStart; at < typesEnd;) {
    const typeName = name(view.getUint32(at, true));
    const info = view.getUint32(at + 4, true);
    const sizeBytes = view.getUint32(at + 8, true);
    const kind = (info >>> 24) & 0x1f;
    const count = info & 0xffff;
    const hasBitfields = info >>> 31 === 1;
    at += 12;
    if (kind === KIND.struct || kind === KIND.union) {
      const members: BtfMember[] = [];
      for (let i = 0; i < count; i++, at += 12) {
        const packed = view.getUint32(at + 8, true);
        const offsetBits = hasBitfields ? packed & 0xffffff : packed;
        members.push({ name: name(view.getUint32(at, true)), offsetBytes: offsetBits / 8 });
      }
      if (kind === KIND.struct) structs.set(typeName, { name: typeName, sizeBytes, members });
    } else if (kind === KIND.enum) {
      const values: [string, number][] = [];
      for (let i = 0; i < count; i++, at += 8) {
        values.push([name(view.getUint32(at, true)), view.getInt32(at + 4, true)]);
      }
      enums.set(typeName, { name: typeName, values });
    } else {
      at += trailingBytes(kind, count);
    }
  }
  return { structs, enums };
}

function trailingBytes(kind: number, count: number): number {
  switch (kind) {
    case INT:
    case KIND.variable:
    case DECLARATION_TAG:
      return 4;
    case KIND.array:
      return 12;
    case KIND.functionPrototype:
      return 8 * count;
    case KIND.dataSection:
    case ENUM64:
      return 12 * count;
    default:
      return 0;
  }
}

function elfSection(object: Uint8Array, wanted: string): Uint8Array {
  const view = new DataView(object.buffer, object.byteOffset, object.byteLength);
  const isElf64LittleEndian =
    object.length >= 64 && view.getUint32(0, false) === 0x7f454c46 && object[4] === 2 && object[5] === 1;
  if (!isElf64LittleEndian) throw new Error('no little-endian ELF64 file');
  const headersStart = Number(view.getBigUint64(40, true));
  const headerBytes = view.getUint16(58, true);
  const headers = view.getUint16(60, true);
  const namesHeader = headersStart + view.getUint16(62, true) * headerBytes;
  const namesStart = Number(view.getBigUint64(namesHeader + 24, true));
  for (let i = 0; i < headers; i++) {
    const header = headersStart + i * headerBytes;
    if (cString(object, namesStart + view.getUint32(header, true)) !== wanted) continue;
    const start = Number(view.getBigUint64(header + 24, true));
    return object.subarray(start, start + Number(view.getBigUint64(header + 32, true)));
  }
  throw new Error(`no section ${wanted}`);
}

function cString(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  return new TextDecoder().decode(bytes.subarray(start, end));
}
