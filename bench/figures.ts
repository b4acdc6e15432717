import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { type Report } from './report.ts';

/** Makes docs/figures.md from bench/results; the words around the tables are in docs/figures.intro.md and figures.short.md. */

type Stored = Report & { machine: string; at: string; commit: string };

const results = new URL('results/', import.meta.url);
const docs = new URL('../docs/', import.meta.url);
const reports = readdirSync(results)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, results), 'utf8')) as Stored);

const cell = (text: string) => text.replaceAll('|', '\\|');
const sections = reports.map((report) => {
  const rows = report.figures.map(
    (figure) =>
      `| ${cell(figure.name)} | ${cell(`${figure.value} ${figure.unit}`)} | ${cell(figure.target ?? '')} | ${cell(figure.note ?? '')} |`
  );
  return [
    `### \`bench/${report.bench}.ts\``,
    '',
    `Input: ${report.input}. ${report.machine}; ${report.at}, ${report.commit}.`,
    '',
    '| Figure | Measured | Target | |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
});

const part = (name: string) => readFileSync(new URL(name, docs), 'utf8').trim();
writeFileSync(
  new URL('figures.md', docs),
  [part('figures.intro.md'), '', ...sections, part('figures.short.md'), ''].join('\n')
);
