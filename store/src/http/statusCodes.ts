/** HTTP status by exception number: src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse. */
const statuses: ReadonlyMap<number, number> = new Map<number, number>([
  ...[516, 192, 193, 194].map((code): [number, number] => [code, 403]),
  [497, 403],
  [452, 403],
  [164, 403],
  [291, 403],
  ...[
    6, 7, 8, 9, 10, 16, 26, 27, 33, 34, 35, 36, 38, 41, 42, 43, 44, 47, 49, 50, 51, 53, 57, 62, 63, 67, 68, 69, 70, 72,
    80, 89, 117, 115, 131, 179, 183, 184, 215, 271, 306, 380, 386, 395, 456, 457, 472,
  ].map((code): [number, number] => [code, 400]),
  ...[46, 60, 81, 119, 372].map((code): [number, number] => [code, 404]),
  [48, 501],
  [159, 408],
  [202, 429],
  [373, 423],
  [241, 507],
  [242, 503],
]);

export function httpStatus(exceptionCode: number | undefined): number {
  return exceptionCode === undefined ? 500 : (statuses.get(exceptionCode) ?? 500);
}
