import { encodeArrowFrame } from './arrowFrame.ts';
import { arrowStreamToFile, arrowStreamToFrame } from './arrowStream.ts';
import { encodeJsonFrame } from './jsonFrame.ts';
import { type AnswerFrame, type FrameFormat } from './plugin.ts';

/** @returns one frame in the format that the host asked for. @throws GrafanaBackendError before anything is sent */
export function encodeFrame(frame: AnswerFrame, format: FrameFormat): Buffer {
  if ('arrowStream' in frame) {
    return format === 'arrow'
      ? asBuffer(arrowStreamToFile(frame.arrowStream, frame.options))
      : Buffer.from(encodeJsonFrame(arrowStreamToFrame(frame.arrowStream, frame.options)));
  }
  return format === 'arrow' ? asBuffer(encodeArrowFrame(frame)) : Buffer.from(encodeJsonFrame(frame));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
