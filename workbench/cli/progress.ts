/** A line for each step of a start, with the time since its beginning. */
export class Progress {
  readonly #start = performance.now();
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void = (text) => process.stderr.write(text)) {
    this.#write = write;
  }

  get seconds(): string {
    return ((performance.now() - this.#start) / 1000).toFixed(1);
  }

  step(message: string): void {
    this.#write(`${this.seconds.padStart(6)} s  ${message}\n`);
  }

  /** Not a step: a warning, or what to do next. */
  note(message: string): void {
    this.#write(`          ${message}\n`);
  }
}
