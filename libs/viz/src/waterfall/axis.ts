export interface TimeRangeNs {
  readonly fromNs: number;
  readonly toNs: number;
}

const STEPS = [1, 2, 2.5, 5, 10];

/** Round times within a range, at most `most` of them, the first at or after its start. */
export function niceTicks({ fromNs, toNs }: TimeRangeNs, most: number): readonly number[] {
  const span = toNs - fromNs;
  if (!(span > 0) || most < 1) return [];
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  // Nothing is shorter than a nanosecond.
  const step = Math.max(1, (STEPS.find((each) => each * power >= rough) ?? 10) * power);
  const ticks: number[] = [];
  for (let i = Math.ceil(fromNs / step - 1e-9); i * step <= toNs * (1 + 1e-12); i++) ticks.push(i * step + 0);
  return ticks;
}

/** Labels of ticks in one unit, without zeros that say nothing: 0, 250 ms, 1.5 s. */
export function tickLabel(ns: number): string {
  const size = Math.abs(ns);
  if (size === 0) return '0';
  const [factor, unit] = size < 1e3 ? [1, 'ns'] : size < 1e6 ? [1e3, 'µs'] : size < 1e9 ? [1e6, 'ms'] : [1e9, 's'];
  return `${Number((ns / factor).toPrecision(6))} ${unit}`;
}

/** The range widened or narrowed around one time, within the whole. */
export function zoomAt(range: TimeRangeNs, whole: TimeRangeNs, atNs: number, factor: number): TimeRangeNs {
  const least = Math.min(whole.toNs - whole.fromNs, 1_000);
  const span = Math.min(whole.toNs - whole.fromNs, Math.max(least, (range.toNs - range.fromNs) * factor));
  const share = (atNs - range.fromNs) / (range.toNs - range.fromNs || 1);
  return panTo({ fromNs: atNs - share * span, toNs: atNs + (1 - share) * span }, whole);
}

/** The range moved into the whole, its length kept. */
export function panTo({ fromNs, toNs }: TimeRangeNs, whole: TimeRangeNs): TimeRangeNs {
  const span = Math.min(toNs - fromNs, whole.toNs - whole.fromNs);
  const from = Math.min(Math.max(fromNs, whole.fromNs), whole.toNs - span);
  return { fromNs: from, toNs: from + span };
}
