import { type PacketOutcome } from './PacketParser.ts';

type Loss = Exclude<PacketOutcome, 'parsed' | 'ignored'>;

/** Packets that were captured but could not be handed on, by reason. */
export class PacketCounters {
  readonly #losses: Record<Loss, number> = { fragment: 0, truncated_header: 0, malformed_header: 0 };

  count(outcome: PacketOutcome): void {
    if (outcome !== 'parsed' && outcome !== 'ignored') this.#losses[outcome]++;
  }

  losses(): Readonly<Record<Loss, number>> {
    return { ...this.#losses };
  }
}
