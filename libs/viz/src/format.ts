/**
 * Numbers as people read them, the same everywhere: whole µs below 1 ms, two decimals below 100 ms, one below 1 s, else
 * seconds with two. The unit is always written.
 */

/** @param ns nanoseconds; negative times keep their sign */
export function formatDuration(ns: number | null | undefined): string {
  if (ns === null || ns === undefined || !Number.isFinite(ns)) return '–';
  if (ns < 0) return `−${formatDuration(-ns)}`;
  if (ns < 1_000) return `${Math.round(ns)} ns`;
  if (ns < 999_500) return `${Math.round(ns / 1e3)} µs`;
  const ms = ns / 1e6;
  if (ms < 99.995) return `${ms.toFixed(2)} ms`;
  if (ms < 999.95) return `${ms.toFixed(1)} ms`;
  const seconds = ms / 1e3;
  if (seconds < 119.995) return `${seconds.toFixed(2)} s`;
  const minutes = seconds / 60;
  if (minutes < 119.95) return `${minutes.toFixed(1)} min`;
  return minutes < 2_880 ? `${(minutes / 60).toFixed(1)} h` : `${(minutes / 1_440).toFixed(1)} d`;
}

/** Three figures at most, where room is short: 1.84 s, 64 ms, 640 µs. @param ns nanoseconds */
export function formatDurationShort(ns: number | null | undefined): string {
  if (ns === null || ns === undefined || !Number.isFinite(ns)) return '–';
  if (ns < 0) return `−${formatDurationShort(-ns)}`;
  if (ns < 1_000) return `${Math.round(ns)} ns`;
  if (ns < 999_500) return `${threeFigures(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${threeFigures(ns / 1e6)} ms`;
  return ns < 119.95e9 ? `${threeFigures(ns / 1e9)} s` : formatDuration(ns);
}

function threeFigures(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(value % 1 === 0 ? 0 : 1) : value.toFixed(value < 1 ? 2 : 1);
}

/** @param perSecond requests per second */
export function formatRate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined || !Number.isFinite(perSecond)) return '–';
  if (perSecond === 0) return '0/s';
  if (perSecond < 0.01) return '< 0.01/s';
  if (perSecond < 10) return `${perSecond.toFixed(perSecond < 1 ? 2 : 1)}/s`;
  return `${formatCount(Math.round(perSecond))}/s`;
}

/** @param share 0 to 1. A share above nothing never reads as 0 %, one below all never as 100 %. */
export function formatShare(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–';
  if (share === 0) return '0 %';
  if (share === 1) return '100 %';
  const percent = share * 100;
  if (percent < 0.01) return '< 0.01 %';
  if (percent < 1) return `${percent.toFixed(2)} %`;
  if (percent < 99.95) return `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
  return '> 99.9 %';
}

/** Thousands apart: 12,360. */
export function formatCount(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return '–';
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** "6.1×", "1×"; undefined where there is nothing to compare with. */
export function formatFactor(now: number | null | undefined, before: number | null | undefined): string | undefined {
  if (!now || !before || !Number.isFinite(now / before)) return undefined;
  const factor = now / before;
  if (factor >= 9.95) return `${Math.round(factor)}×`;
  const text = factor.toFixed(1);
  return `${text.endsWith('.0') ? text.slice(0, -2) : text}×`;
}

/** "1 call", "2 calls". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
