import { layoutMessage, type LayoutInput } from '@throughline/viz';

/** One message in, one out: { id, input } → { id, layout } or { id, problem }. */
export interface LayoutRequest {
  readonly id: number;
  readonly input: LayoutInput;
}

self.onmessage = ({ data: { id, input } }: MessageEvent<LayoutRequest>) => {
  try {
    self.postMessage({ id, layout: layoutMessage(input) });
  } catch (error) {
    self.postMessage({ id, problem: error instanceof Error ? error.message : String(error) });
  }
};
