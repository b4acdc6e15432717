import { type DataSourceSettings } from '@grafana/data';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigEditor } from './ConfigEditor.tsx';
import { button, click, control, render, type Rendered, type } from './testRender.tsx';
import { type ThroughlineOptions, type ThroughlineSecrets } from './types.ts';

type Settings = DataSourceSettings<ThroughlineOptions, ThroughlineSecrets>;

let rendered: Rendered | undefined;
afterEach(() => rendered?.unmount());

async function editor(settings: Partial<Settings> = {}) {
  const base = { url: '', user: '', jsonData: {}, secureJsonFields: {}, readOnly: false };
  const state = { options: { ...base, ...settings } as Settings };
  const page = () => (
    <ConfigEditor
      options={state.options}
      onOptionsChange={(changed) => {
        state.options = changed;
      }}
    />
  );
  rendered = await render(page());
  const { container, rerender } = rendered;
  const write = async (label: string, text: string) => {
    await type(control(container, label), text);
    await rerender(page());
  };
  return { state, container, write, refresh: () => rerender(page()) };
}

describe('ConfigEditor', () => {
  it('writes the settings where the backend reads them', async () => {
    const { state, write } = await editor({ jsonData: { tenant: 'shop' } });
    await write('URL', 'http://clickhouse:8123');
    await write('User', 'grafana');
    await write('Read token', 's3cret');
    await write('Environment', 'staging');
    await write('Timeout', '60');
    expect(state.options).toMatchObject({
      url: 'http://clickhouse:8123',
      user: 'grafana',
      secureJsonData: { readToken: 's3cret' },
      jsonData: { tenant: 'shop', environment: 'staging', timeoutSeconds: 60 },
    });
    await write('Timeout', '');
    expect(state.options.jsonData.timeoutSeconds).toBeUndefined();
  });

  it('never shows a token that is set, and lets it be replaced', async () => {
    const { state, container, refresh } = await editor({ secureJsonFields: { readToken: true } });
    expect(control(container, 'Read token')).toHaveProperty('value', 'configured');
    await click(button(container, 'Reset'));
    await refresh();
    expect(state.options.secureJsonFields).toEqual({ readToken: false });
    expect(control(container, 'Read token')).toHaveProperty('value', '');
  });

  it.each([
    ['URL', 'clickhouse:8123', 'Begin with http:// or https://'],
    ['Tenant', 'a b', 'Letters, digits'],
    ['Row limit', '0', 'A whole number from 1'],
  ])('says what is wrong with %s %s', async (label, text, problem) => {
    const { container, write } = await editor();
    await write(label, text);
    expect(container.textContent).toContain(problem);
  });

  it('cannot be changed where it is provisioned', async () => {
    const { container } = await editor({ readOnly: true });
    const inputs = [...container.querySelectorAll('input')];
    expect(inputs.length).toBeGreaterThan(5);
    expect(inputs.filter(({ disabled }) => !disabled)).toEqual([]);
  });
});
