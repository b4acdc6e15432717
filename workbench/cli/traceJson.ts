import { type Trace } from '@throughline/tracing';

/** JSON has neither the bigint of a time since the epoch nor Infinity: the backend writes a string, and null. */
export function parseTrace(json: string): Trace {
  return JSON.parse(json, (key, value: unknown) => {
    if (key === 'startNs' && typeof value === 'string') return BigInt(value);
    if (key === 'uncertaintyNs' && value === null) return Infinity;
    return value;
  }) as Trace;
}
