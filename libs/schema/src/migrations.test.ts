import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { migrations } from './index.ts';

describe('migrations', () => {
  it.each(migrations.map((migration) => [migration]))('version $version is what was released', (migration) => {
    const file = `../migrations/${String(migration.version).padStart(4, '0')}_${migration.name}.sql`;
    // A definition that changed needs a migration of its own: the released one stays as it is.
    expect(migration.statements.join(';\n\n') + ';\n').toBe(readFileSync(new URL(file, import.meta.url), 'utf8'));
  });
});
