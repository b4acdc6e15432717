import { useCallback, useEffect, useLayoutEffect, useRef } from 'react';

/** Draws a canvas once per frame at most, at the screen's own resolution. Returns the request for a frame. */
export function useCanvas(
  width: number,
  height: number,
  draw: (ctx: CanvasRenderingContext2D) => void
): { readonly canvasRef: React.RefObject<HTMLCanvasElement | null>; readonly redraw: () => void } {
  const canvasRef = useRef<HTMLCanvasElement | null>(null);
  const drawRef = useRef(draw);
  const frame = useRef(0);

  const paint = useCallback(() => {
    frame.current = 0;
    const canvas = canvasRef.current;
    const ctx = canvas?.getContext('2d');
    if (!canvas || !ctx) return;
    const ratio = window.devicePixelRatio || 1;
    const pixelWidth = Math.max(1, Math.round(width * ratio));
    const pixelHeight = Math.max(1, Math.round(height * ratio));
    if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
    if (canvas.height !== pixelHeight) canvas.height = pixelHeight;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawRef.current(ctx);
  }, [width, height]);

  const redraw = useCallback(() => {
    if (frame.current === 0) frame.current = requestAnimationFrame(paint);
  }, [paint]);

  useLayoutEffect(() => {
    drawRef.current = draw;
    // What a render changed is on screen with it: no frame shows the old drawing beside the new controls.
    paint();
  });
  useEffect(
    () => () => {
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    },
    []
  );
  // Text is measured again once the theme's font is there.
  useEffect(() => {
    let gone = false;
    void document.fonts?.ready.then(() => !gone && redraw());
    return () => {
      gone = true;
    };
  }, [redraw]);
  return { canvasRef, redraw };
}
