import { type CaptureFileReader } from './capturedPacket.ts';
import { CaptureError } from './errors.ts';
import { PcapReader, readPcapHeader } from './pcap.ts';
import { PcapngReader, startsPcapng } from './pcapng.ts';
import { type ReadBytes, SlidingInput } from './SlidingInput.ts';

/** @throws CaptureError CAPTURE_FORMAT_UNKNOWN where it is neither pcap nor pcapng */
export function openCaptureFile(read: ReadBytes): CaptureFileReader {
  const input = new SlidingInput(read);
  input.ensure(24);
  if (startsPcapng(input)) return new PcapngReader(input);
  const header = readPcapHeader(input);
  if (header !== undefined) return new PcapReader(input, header);
  throw new CaptureError(
    'CAPTURE_FORMAT_UNKNOWN',
    'the file begins with no magic number of pcap or pcapng; convert it with "editcap -F pcapng"'
  );
}
