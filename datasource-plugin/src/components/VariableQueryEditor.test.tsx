import { afterEach, expect, it, vi } from 'vitest';
import { dataSource, serve } from '../testHost.ts';
import { choose, control, render, type Rendered } from '../testRender.tsx';
import { type VariableQuery } from '../types.ts';
import { VariableQueryEditor } from './VariableQueryEditor.tsx';

let rendered: Rendered | undefined;
afterEach(() => rendered?.unmount());

it('asks for the service whose endpoints are listed', async () => {
  serve(() => ({ data: [{ text: 'cart' }, { text: 'orders' }] }));
  const datasource = dataSource();
  const onRunQuery = vi.fn();
  const state: { query: VariableQuery | string } = { query: '' };
  const page = () => (
    <VariableQueryEditor
      datasource={datasource}
      query={state.query as VariableQuery}
      onRunQuery={onRunQuery}
      onChange={(changed) => {
        state.query = changed;
      }}
    />
  );
  rendered = await render(page());
  await choose(control(rendered.container, 'List'), 'Endpoints of');
  expect(state.query).toMatchObject({ kind: 'endpoints' });
  await rendered.rerender(page());
  await choose(control(rendered.container, 'Service'), 'orders', 0);
  expect(state.query).toMatchObject({ kind: 'endpoints', service: 'orders' });
  expect(onRunQuery).toHaveBeenCalledTimes(2);
});
