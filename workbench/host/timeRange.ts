/** Grafana's time range of a query request: epoch milliseconds as text, or relative to now. */

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** @returns epoch milliseconds; undefined where `text` is neither a number nor now-<n><unit> */
export function parseTime(text: unknown, nowMs: number): number | undefined {
  if (typeof text === 'number') return Number.isSafeInteger(text) ? text : undefined;
  if (typeof text !== 'string') return undefined;
  if (/^\d{1,16}$/.test(text)) return Number(text);
  const [matched, count, unit] = /^now(?:-(\d{1,9})([smhdw]))?$/.exec(text) ?? [];
  if (matched === undefined) return undefined;
  return count === undefined ? nowMs : nowMs - Number(count) * UNIT_MS[unit!]!;
}
