/**
 * clickhouse-go opens each HTTP connection with this statement and a `client_protocol_version`, and reads the answer,
 * but only it in any case, in the Native format of that protocol version. The embedded engine knows no protocol version,
 * so the answer is written here. It says revision 0: the client then reads everything later as plain Native.
 */
const hello = /^\s*SELECT\s+displayName\(\)\s*,\s*version\(\)\s*,\s*revision\(\)\s*,\s*timezone\(\)\s*$/i;

/** Block info and the byte for custom serialization came with these revisions. */
const leastRevision = 54_454;

export function isGoHello(statement: string, clientProtocolVersion: number): boolean {
  return clientProtocolVersion >= leastRevision && hello.test(statement);
}

/**
 *   answer := info columns:varint rows:varint (name:string type:string custom:uint8 value)*
 *   info   := 1 isOverflows:uint8 2 bucketNumber:int32 0
 */
export function goHelloAnswer(version: string): Buffer {
  const revision = Buffer.alloc(4); // 0
  return Buffer.concat([
    Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]),
    Buffer.from([4, 1]),
    ...column('displayName()', 'String', shortString('throughline')),
    ...column('version()', 'String', shortString(version)),
    ...column('revision()', 'UInt32', revision),
    ...column('timezone()', 'String', shortString('UTC')),
  ]);
}

function column(name: string, type: string, value: Buffer): Buffer[] {
  return [shortString(name), shortString(type), Buffer.from([0]), value];
}

/** A string of fewer than 128 bytes, whose length fits one byte. */
function shortString(text: string): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
}
