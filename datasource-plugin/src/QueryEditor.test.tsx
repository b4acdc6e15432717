import { CoreApp } from '@grafana/data';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NEW_QUERIES } from './model.ts';
import { QueryEditor } from './QueryEditor.tsx';
import { QueryEditorHelp } from './QueryEditorHelp.tsx';
import { dataSource, serve } from './testHost.ts';
import { button, choose, click, control, leave, press, render, type Rendered, type } from './testRender.tsx';
import { type ThroughlineQuery } from './types.ts';

// Monaco needs a browser.
vi.mock('@grafana/ui', async (original) => ({
  ...(await original<object>()),
  CodeEditor: ({ value, onBlur }: CodeEditorProps) => (
    <input aria-label="SQL" defaultValue={value} onBlur={({ currentTarget }) => onBlur?.(currentTarget.value)} />
  ),
}));

interface CodeEditorProps {
  readonly value: string;
  readonly onBlur?: (value: string) => void;
}

const refId = 'A';
let rendered: Rendered | undefined;

beforeEach(() => {
  const names: Record<string, string[]> = {
    'tag-keys': ['service', 'peer', 'endpoint', 'protocol', 'host'],
    services: ['cart', 'orders'],
    'tag-values': ['cart', 'orders', '10.0.0.9:3306'],
    endpoints: ['/cart'],
  };
  serve(({ url }) => ({ data: (names[url.split('/').at(-1) ?? ''] ?? []).map((text) => ({ text })) }));
});

afterEach(() => rendered?.unmount());

/** An editor that keeps what is changed, as Grafana does. */
async function editor(query: object, app: CoreApp = CoreApp.Dashboard) {
  const datasource = dataSource({ shop: { value: 'cart' } });
  const onRunQuery = vi.fn();
  const state = { query: { refId, ...query } as ThroughlineQuery };
  const page = () => (
    <QueryEditor
      datasource={datasource}
      query={state.query}
      app={app}
      onRunQuery={onRunQuery}
      onChange={(changed) => {
        state.query = changed;
      }}
    />
  );
  rendered = await render(page());
  const { container, rerender } = rendered;
  return { state, onRunQuery, container, refresh: () => rerender(page()) };
}

describe('query type', () => {
  it('of a new query is that of the app', async () => {
    const { container } = await editor({}, CoreApp.Explore);
    expect(control(container, 'Query type')).toHaveProperty('value', 'Trace search');
    expect(container.textContent).toContain('each row opens its trace');
  });

  it('keeps the filters that both types know, and runs', async () => {
    const filters = [
      { key: 'service', operator: '=', value: 'cart' },
      { key: 'host', operator: '=', value: 'a' },
    ];
    const { container, state, onRunQuery } = await editor({ ...NEW_QUERIES.traceSearch, filters });
    await choose(control(container, 'Query type'), 'Metrics');
    expect(state.query).toEqual({ ...NEW_QUERIES.red, refId, filters: [filters[0]] });
    expect(onRunQuery).toHaveBeenCalledOnce();
  });

  it('that needs more is not run before it has it', async () => {
    const { container, state, onRunQuery, refresh } = await editor(NEW_QUERIES.red);
    await choose(control(container, 'Query type'), 'Time breakdown');
    expect(state.query).toMatchObject({ queryType: 'breakdown', service: '' });
    expect(onRunQuery).not.toHaveBeenCalled();
    await refresh();
    expect(container.textContent).toContain('Pick a service.');
    await choose(control(container, 'Service'), 'ord');
    expect(state.query).toMatchObject({ service: 'orders' });
    expect(onRunQuery).toHaveBeenCalledOnce();
  });

  it('of a newer plugin is said, not overwritten', async () => {
    const { container, state } = await editor({ queryType: 'red', version: 99 });
    expect(container.textContent).toContain('update the plugin');
    expect(state.query).toMatchObject({ version: 99 });
    await click(button(container, 'Start a new query'));
    expect(state.query).toMatchObject({ queryType: 'red', version: 1, refId });
  });
});

describe('every query type', () => {
  it.each(Object.values(NEW_QUERIES))('$queryType names all of its controls', async (query) => {
    const { container } = await editor(query);
    const unnamed = [...container.querySelectorAll('input, button, [role=combobox]')].filter((element) => {
      const { labels, ariaLabel, textContent } = element as HTMLInputElement;
      const label = ariaLabel ?? element.getAttribute('aria-label') ?? element.getAttribute('aria-labelledby');
      return !label && !textContent && (labels?.length ?? 0) === 0;
    });
    expect(unnamed.map(({ outerHTML }) => outerHTML)).toEqual([]);
  });
});

describe('texts and numbers', () => {
  it('count on Enter and on leaving, not while they are written', async () => {
    const { container, state, onRunQuery, refresh } = await editor(NEW_QUERIES.traceSearch);
    const shortest = control(container, 'Shortest');
    await type(shortest, '250');
    expect(state.query).not.toHaveProperty('minDurationMs');
    await press(shortest, 'Enter');
    expect(state.query).toMatchObject({ minDurationMs: 250 });
    await refresh();
    await leave(shortest);
    expect(onRunQuery).toHaveBeenCalledOnce();
    await type(shortest, '');
    await leave(shortest);
    expect(state.query).toMatchObject({ minDurationMs: undefined });
  });

  it('are held within what the backend takes', async () => {
    const { container, state } = await editor(NEW_QUERIES.red);
    const most = control(container, 'Most series');
    await type(most, '1000');
    await leave(most);
    expect(state.query).toMatchObject({ limit: 200 });
  });

  it('of a trace that are no id are said to be none and not asked for', async () => {
    const { container, state, onRunQuery, refresh } = await editor(NEW_QUERIES.traceId);
    const id = control(container, 'Trace or span id');
    await type(id, 'checkout');
    expect(container.textContent).toContain('This is no id');
    await leave(id);
    expect(onRunQuery).not.toHaveBeenCalled();
    await refresh();
    await type(id, ' 00f067aa0ba902b7 ');
    expect(container.textContent).not.toContain('This is no id');
    await press(id, 'Enter');
    expect(state.query).toMatchObject({ query: '00f067aa0ba902b7' });
    expect(onRunQuery).toHaveBeenCalledOnce();
  });
});

describe('SQL', () => {
  it('runs when its editor is left with another text', async () => {
    const { container, state, onRunQuery, refresh } = await editor(NEW_QUERIES.sql);
    const sql = control(container, 'SQL');
    await type(sql, 'SELECT 1');
    await leave(sql);
    expect(state.query).toMatchObject({ rawSql: 'SELECT 1' });
    await refresh();
    await type(sql, 'SELECT 1');
    await leave(sql);
    expect(onRunQuery).toHaveBeenCalledOnce();
  });
});

describe('filters', () => {
  it('count once they have a key and a value', async () => {
    const { container, state, onRunQuery, refresh } = await editor(NEW_QUERIES.red);
    await click(button(container, 'Add filter'));
    await choose(control(container, 'Filter 1: key'), 'serv');
    expect(state.query).toMatchObject({ filters: [] });
    await choose(control(container, 'Filter 1: value'), 'orders');
    expect(state.query).toMatchObject({ filters: [{ key: 'service', operator: '=', value: 'orders' }] });
    expect(onRunQuery).toHaveBeenCalledOnce();
    await refresh();
    await click(control(container, 'Remove filter 1'));
    expect(state.query).toMatchObject({ filters: [] });
  });

  it('take several values, and keep the one they had', async () => {
    const filters = [{ key: 'service', operator: '=', value: 'cart' }];
    const { container, state } = await editor({ ...NEW_QUERIES.red, filters });
    await choose(control(container, 'Filter 1: operator'), '=|', 0);
    expect(state.query).toMatchObject({
      filters: [{ key: 'service', operator: '=|', value: 'cart', values: ['cart'] }],
    });
  });
});

describe('help', () => {
  it('offers examples that run as they are', async () => {
    const datasource = dataSource();
    const onClickExample = vi.fn<(query: ThroughlineQuery) => void>();
    const query: ThroughlineQuery = { ...NEW_QUERIES.red, refId };
    rendered = await render(
      <QueryEditorHelp datasource={datasource as never} query={query} onClickExample={onClickExample} />
    );
    for (const example of rendered.container.querySelectorAll('button')) await click(example);
    const examples = onClickExample.mock.calls.map(([example]) => example);
    expect(examples.length).toBeGreaterThan(3);
    expect(examples.filter((example) => !datasource.filterQuery(example))).toEqual([]);
  });
});
