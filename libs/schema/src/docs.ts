import { materializedViews, tables, views } from './migrations.ts';

/** Text of docs/tables.md. */
export function tablesMarkdown(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const sections = tables.map((table) =>
    [
      `## \`${table.name}\``,
      '',
      table.doc,
      '',
      `\`${table.engine}\`, ordered by ${table.orderBy.map((key) => `\`${key}\``).join(', ')}` +
        `${table.partitionBy ? `, partitioned by \`${table.partitionBy}\`` : ''}; TTL \`${table.ttl}\`.`,
      '',
      '| Column | Type | Unit | Meaning |',
      '|---|---|---|---|',
      ...Object.entries(table.columns).map(
        ([name, column]) =>
          `| \`${name}\` | \`${cell(column.type)}\` | ${column.unit ?? ''} | ${cell(column.doc)}${column.semconv ? ` (\`${column.semconv}\`)` : ''} |`
      ),
      '',
    ].join('\n')
  );
  const others = [
    ...materializedViews.map(
      (view) => `- \`${view.name}\`: keeps \`${view.target}\` from rows inserted into \`spans\`.`
    ),
    ...views.map((view) => `- \`${view.name}\`: ${view.doc}`),
  ];
  return [
    '# Tables',
    '',
    'Generated from `libs/schema`; do not edit.',
    '',
    ...sections,
    '## Views',
    '',
    ...others,
    '',
  ].join('\n');
}
