import { spanDetail, textOf, type TraceModel } from './model.ts';

/**
 * Spans that a text finds, in the order of the tree: by service, operation, span id or far end; `key=value` by attribute,
 * `key=` by its presence. Upper and lower case are one.
 */
export function findSpans(model: TraceModel, query: string): readonly number[] {
  const needle = query.trim().toLowerCase();
  if (needle === '') return [];
  const equals = needle.indexOf('=');
  const matches =
    equals > 0 ? byAttribute(model, needle.slice(0, equals), needle.slice(equals + 1)) : byText(model, needle);
  const found: number[] = [];
  for (const span of model.order) if (matches(span)) found.push(span);
  return found;
}

function byText(model: TraceModel, needle: string): (span: number) => boolean {
  // Each name is looked at once, however many spans have it.
  const flags = (values: readonly string[]): boolean[] => values.map((value) => value.toLowerCase().includes(needle));
  const names = flags(model.names);
  const services = flags(model.services);
  return (span) =>
    names[model.name[span]!]! ||
    services[model.service[span]!]! ||
    services[model.shownService[span]!]! ||
    model.spanIds[span]!.toLowerCase().startsWith(needle);
}

function byAttribute(model: TraceModel, key: string, value: string): (span: number) => boolean {
  return (span) => {
    const { attributes, resource } = spanDetail(model, span);
    return [...attributes, ...resource].some(
      (pair) => pair.key.toLowerCase() === key && textOf(pair.value).toLowerCase().includes(value)
    );
  };
}

/** Failing spans in the order of the tree, those where an error starts before those it spread to. */
export function errorSpans(model: TraceModel): readonly number[] {
  const origins: number[] = [];
  const spread: number[] = [];
  for (const span of model.order) {
    if (model.errorOrigin[span] === 1) origins.push(span);
    else if (model.failed[span] === 1) spread.push(span);
  }
  return [...origins, ...spread];
}

/** The next of some spans after a given one, around the end; undefined where there are none. */
export function stepSpan(spans: readonly number[], from: number | undefined, by: 1 | -1): number | undefined {
  if (spans.length === 0) return undefined;
  const at = from === undefined ? -1 : spans.indexOf(from);
  if (at === -1) return by === 1 ? spans[0] : spans.at(-1);
  return spans[(at + by + spans.length) % spans.length];
}
