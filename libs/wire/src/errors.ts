export const wireErrorCodes = [
  'WIRE_COLUMN_TYPE',
  'WIRE_COLUMN_LENGTH',
  'WIRE_GROUP_ENDS',
  'WIRE_DICTIONARY_INDEX',
  'WIRE_VERSION',
  'WIRE_TOO_LARGE',
] as const;

/** A batch that does not follow the protocol; the sender must not send it again. */
export class WireError extends Error {
  readonly code: (typeof wireErrorCodes)[number];
  constructor(code: (typeof wireErrorCodes)[number], message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}
