import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const read = (name: string): Buffer => readFileSync(join(import.meta.dirname, name));

it('ships checkout.jar built from the sources beside it', () => {
  const sources = createHash('sha256').update(read('Checkout.java')).update(read('Control.java')).digest('hex');
  // The jar is not compressed; a manifest folds lines after 72 bytes, the rest starts with a space.
  const manifest = read('checkout.jar').toString('latin1').replaceAll('\r\n ', '');
  expect(/Sources-SHA-256: ([0-9a-f]{64})/.exec(manifest)?.[1], 'run services/checkout/build.sh').toBe(sources);
});
