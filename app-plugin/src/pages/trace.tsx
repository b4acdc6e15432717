import { type FieldConfigSource } from '@grafana/data';
import { SceneQueryRunner, VizPanel } from '@grafana/scenes';
import { css } from '@emotion/css';
import { Button, Input, useStyles2 } from '@grafana/ui';
import { useState } from 'react';
import { appPage, DATASOURCE, query } from '../appPage.ts';
import { type AppPageBody } from '../AppPageBody.ts';
import { Nothing } from '../components/DataState.tsx';
import { PageHeader } from '../components/PageHeader.tsx';
import { getPageStyles } from '../components/styles.ts';
import { WATERFALL_PANEL } from '../constants.ts';
import { AppLink } from '../links.tsx';
import { routes } from '../routes.ts';

const NO_FIELD_CONFIG: FieldConfigSource = { defaults: {}, overrides: [] };

export const tracePage = () =>
  appPage({
    title: 'Trace',
    path: 'trace',
    keys: ['id'],
    // A trace that is looked at must not move under the reader's eyes.
    refresh: '',
    queriesOf: () => [],
    panelsOf: ({ id = '' }) =>
      id === ''
        ? []
        : [
            new VizPanel({
              pluginId: WATERFALL_PANEL,
              title: '',
              hoverHeader: true,
              displayMode: 'transparent',
              options: { syncUrl: true },
              fieldConfig: NO_FIELD_CONFIG,
              $data: new SceneQueryRunner({
                datasource: DATASOURCE,
                queries: [query('trace', { queryType: 'traceId', query: id, hops: 'none' })],
              }),
            }),
          ],
    View: TraceView,
  });

function TraceView({ body }: { readonly body: AppPageBody }) {
  const styles = useStyles2(getPageStyles);
  const own = useStyles2(getStyles);
  const { panels } = body.useState();
  const [typed, setTyped] = useState('');
  if (panels.length === 0) {
    return (
      <div className={styles.page}>
        <PageHeader finding="Which trace?" sub="A trace id has 32 hex digits; the 16 of any span in it do as well." />
        <form
          className={own.form}
          onSubmit={(event) => {
            event.preventDefault();
            body.setParams({ id: typed.trim() });
          }}
        >
          <Input
            aria-label="Trace or span id"
            placeholder="Trace or span id"
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          <Button type="submit">Open</Button>
        </form>
        <Nothing message="No trace chosen">
          <AppLink to={routes.traces()} className={styles.link}>
            Search traces
          </AppLink>
        </Nothing>
      </div>
    );
  }
  return (
    <div className={styles.page}>
      <div className={own.trace}>
        {panels.map((panel) => (
          <panel.Component key={panel.state.key} model={panel} />
        ))}
      </div>
    </div>
  );
}

const getStyles = () => ({
  trace: css({ flexGrow: 1, minHeight: 560, display: 'flex' }),
  form: css({ display: 'flex', gap: 8, maxWidth: 480 }),
});
