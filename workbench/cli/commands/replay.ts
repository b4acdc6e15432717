import { replay, type ReplayMode } from '@throughline/agent/replay';
import { defineCommand } from '../command.ts';
import { CliError } from '../errors.ts';

const MODES: readonly ReplayMode[] = ['messages', 'flows', 'spans'];
const BATCH_CHARACTERS = 64 * 1024;

export const replayCommand = defineCommand({
  summary: 'Prints what is in a capture file, as JSON lines; nothing has to run',
  usage: `replay FILE.pcap [--messages | --flows | --spans]

  --messages      one line per protocol message, in the order of capture (default)
  --flows         one line per connection
  --spans         one line per exchange`,
  options: { messages: { type: 'boolean' }, flows: { type: 'boolean' }, spans: { type: 'boolean' } },
  maxPositionals: 1,
  run: (values, [file]) => {
    if (file === undefined) throw new CliError('USAGE', 'name a capture file (pcap or pcapng)');
    const chosen = MODES.filter((mode) => values[mode] === true);
    if (chosen.length > 1) throw new CliError('USAGE', 'choose one of --messages, --flows and --spans');
    let batch = '';
    const counts = replay(file, chosen[0] ?? 'messages', (line) => {
      batch += `${line}\n`;
      if (batch.length < BATCH_CHARACTERS) return;
      process.stdout.write(batch);
      batch = '';
    });
    process.stdout.write(batch);
    for (const [reason, count] of Object.entries(counts)) process.stderr.write(`not understood: ${count} ${reason}\n`);
    return Promise.resolve(0);
  },
});
