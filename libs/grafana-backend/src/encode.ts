import { encodeArrowFrame } from './arrowFrame.ts';
import { arrowStreamToFile, arrowStreamToFrame } from './arrowStream.ts';
import { encodeJsonFrame } from './jsonFrame.ts';
import { type AnswerFrame, type FrameFormat } from './plugin.ts';

/** @returns one frame in the format that the host asked for. @throws GrafanaBackendError before anything is sent */
export function encodeFrame(frame: AnswerFrame, format: FrameFormat, refId: string): Buffer {
  if ('encoded' in frame) return asBuffer(frame.encoded);
  if ('arrowStream' in frame) {
    const options = { ...frame.options, refId };
    return format === 'arrow'
      ? asBuffer(arrowStreamToFile(frame.arrowStream, options))
      : Buffer.from(encodeJsonFrame(arrowStreamToFrame(frame.arrowStream, options)));
  }
  const named = { ...frame, refId };
  return format === 'arrow' ? asBuffer(encodeArrowFrame(named)) : Buffer.from(encodeJsonFrame(named));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
