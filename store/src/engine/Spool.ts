import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StatementError } from '../errors.ts';

/**
 * Bodies of inserts on their way into the engine, each in a file. The engine reads inline data only up to the first
 * blank line and runs what follows as SQL, so no body ever goes inline.
 */
export class Spool {
  private readonly folder: string;
  private readonly maxBytes: number;

  /** Removes what an earlier process left. The engine's lock on the folder keeps a second store away. */
  constructor(folder: string, maxBytes: number) {
    this.folder = folder;
    this.maxBytes = maxBytes;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true });
  }

  async write(source: Readable): Promise<SpoolFile> {
    const path = join(this.folder, randomUUID());
    try {
      await pipeline(source, new ByteLimit(this.maxBytes), createWriteStream(path, { mode: 0o600 }));
      return { path, bytes: (await stat(path)).size, remove: () => rmSync(path, { force: true }) };
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }
}

export interface SpoolFile {
  readonly path: string;
  readonly bytes: number;
  remove(): void;
}

/** Passes bytes on and fails above a limit. */
export class ByteLimit extends Transform {
  private left: number;
  private readonly limit: number;

  constructor(limit: number) {
    super();
    this.left = limit;
    this.limit = limit;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.left -= chunk.length;
    if (this.left < 0) done(new StatementError(241, `Body is larger than ${this.limit} bytes; send it in parts`));
    else done(null, chunk);
  }
}
