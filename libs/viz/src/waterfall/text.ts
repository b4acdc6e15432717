/** Widths by font: measuring is the dearest part of drawing text, and the same names come every frame. */
const MOST_FITTED = 20_000;
const fitted = new Map<string, string>();

/** The text, or as much of it as fits before an ellipsis; in the context's font. */
export function fitText(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (width <= 0) return '';
  const key = `${ctx.font}|${Math.floor(width)}|${text}`;
  const known = fitted.get(key);
  if (known !== undefined) return known;
  if (fitted.size >= MOST_FITTED) fitted.clear();
  const result = shorten(ctx, text, width);
  fitted.set(key, result);
  return result;
}

function shorten(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  let fits = 0;
  let tooLong = text.length;
  while (tooLong - fits > 1) {
    const length = (fits + tooLong) >> 1;
    if (ctx.measureText(`${text.slice(0, length)}…`).width <= width) fits = length;
    else tooLong = length;
  }
  return fits === 0 ? '…' : `${text.slice(0, fits).trimEnd()}…`;
}
