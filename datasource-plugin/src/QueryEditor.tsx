import { type CoreApp, type QueryEditorProps } from '@grafana/data';
import { Alert, Button, Stack } from '@grafana/ui';
import { type QueryType } from '@throughline/query';
import { useId } from 'react';
import { Help, Labelled, OptionPicker, Row } from './components/controls.tsx';
import { QueryFields } from './components/QueryFields.tsx';
import { type DataSource } from './DataSource.ts';
import { completeQuery, defaultQuery, isRunnable, switchType } from './model.ts';
import { QUERY_TYPE_HELP, typesFor } from './queryTypes.ts';
import { type ThroughlineOptions, type ThroughlineQuery } from './types.ts';

export type Props = QueryEditorProps<DataSource, ThroughlineQuery, ThroughlineOptions> & {
  /** Fewer than the app allows. */
  readonly types?: readonly QueryType[];
};

export function QueryEditor({ query: saved, app, types, datasource, onChange, onRunQuery }: Props) {
  const id = useId();
  const { query, problem } = readSaved(saved, app);
  if (!query) {
    return (
      <Alert severity="error" title="This query cannot be edited here">
        <Stack direction="column" gap={1} alignItems="flex-start">
          <span>{problem}</span>
          <Button variant="secondary" size="sm" onClick={() => onChange({ ...defaultQuery(app), refId: saved.refId })}>
            Start a new query
          </Button>
        </Stack>
      </Alert>
    );
  }
  const change = (changed: ThroughlineQuery, run = true) => {
    onChange(changed);
    if (run && isRunnable(changed)) onRunQuery();
  };
  const offered = types ?? typesFor(app);
  const listed = offered.includes(query.queryType) ? offered : [...offered, query.queryType];
  const options = listed.map((value) => ({
    value,
    label: QUERY_TYPE_HELP[value].label,
    description: QUERY_TYPE_HELP[value].help,
  }));
  return (
    <Stack direction="column" gap={1}>
      <Row>
        <Labelled label="Query type" id={`${id}-type`}>
          <OptionPicker
            id={`${id}-type`}
            options={options}
            value={query.queryType}
            onChange={(value) => change(switchType(query, value))}
          />
        </Labelled>
        <Help>{QUERY_TYPE_HELP[query.queryType].help}</Help>
      </Row>
      <QueryFields id={id} datasource={datasource} query={query} onChange={change} onRun={onRunQuery} />
    </Stack>
  );
}

function readSaved(
  saved: ThroughlineQuery,
  app: CoreApp | undefined
): { query: ThroughlineQuery; problem?: undefined } | { query?: undefined; problem: string } {
  try {
    return { query: completeQuery(saved, app) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
