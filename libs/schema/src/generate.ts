import { readFileSync, writeFileSync } from 'node:fs';
import { tablesMarkdown } from './docs.ts';

/** Writes docs/tables.md; with --check fails where it differs from what the definitions give. */
const file = new URL('../../../docs/tables.md', import.meta.url);
const text = tablesMarkdown();
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/tables.md is older than libs/schema; run "npm run gen"');
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
}
