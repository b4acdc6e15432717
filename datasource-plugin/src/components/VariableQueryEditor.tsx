import { type QueryEditorProps } from '@grafana/data';
import { Stack } from '@grafana/ui';
import { useId } from 'react';
import { type DataSource } from '../DataSource.ts';
import {
  type ThroughlineOptions,
  type ThroughlineQuery,
  type VariableKind,
  VARIABLE_KINDS,
  type VariableQuery,
} from '../types.ts';
import { completeVariableQuery } from '../variableQuery.ts';
import { Help, Labelled, NamePicker, OptionPicker, Row } from './controls.tsx';
import { SqlEditor } from './SqlEditor.tsx';

const KIND_HELP: Readonly<Record<VariableKind, { readonly label: string; readonly description: string }>> = {
  services: { label: 'Services', description: 'Names of services' },
  endpoints: { label: 'Endpoints of a service', description: 'What a service is asked, most requests first' },
  peers: { label: 'Far ends', description: 'What services call or are called by' },
  hosts: { label: 'Hosts', description: 'Hosts with an agent' },
  protocols: { label: 'Protocols', description: 'http, mysql, redis, dns …' },
  values: { label: 'Values of a filter key', description: 'Whatever else can be filtered by' },
  sql: { label: 'SQL', description: 'The first column, or the columns __text and __value' },
};
const KIND_OPTIONS = VARIABLE_KINDS.map((value) => ({ value, ...KIND_HELP[value] }));

type Props = QueryEditorProps<DataSource, ThroughlineQuery, ThroughlineOptions, VariableQuery>;

export function VariableQueryEditor({ query: saved, datasource, onChange, onRunQuery }: Props) {
  const id = useId();
  const query = completeVariableQuery(saved);
  const change = (changed: VariableQuery) => {
    onChange(changed);
    onRunQuery();
  };
  return (
    <Stack direction="column" gap={1}>
      <Row>
        <Labelled label="List" id={`${id}-kind`}>
          <OptionPicker
            id={`${id}-kind`}
            options={KIND_OPTIONS}
            value={query.kind}
            onChange={(kind) => change({ ...query, kind })}
          />
        </Labelled>
        {query.kind === 'endpoints' && (
          <Labelled label="Service" id={`${id}-service`}>
            <NamePicker
              id={`${id}-service`}
              placeholder="service"
              value={query.service ?? ''}
              load={() => datasource.names('services')}
              others={datasource.variableNames()}
              onChange={(service) => change({ ...query, service })}
            />
          </Labelled>
        )}
        {query.kind === 'values' && (
          <Labelled label="Filter key" id={`${id}-key`}>
            <NamePicker
              id={`${id}-key`}
              placeholder="key"
              value={query.filterKey ?? ''}
              load={() => datasource.names('tag-keys')}
              onChange={(filterKey) => change({ ...query, filterKey })}
            />
          </Labelled>
        )}
        <Help>{KIND_HELP[query.kind].description}</Help>
      </Row>
      {query.kind === 'sql' && (
        <SqlEditor
          datasource={datasource}
          height={100}
          value={query.rawSql ?? ''}
          onChange={(rawSql) => onChange({ ...query, rawSql })}
          onRun={onRunQuery}
        />
      )}
    </Stack>
  );
}
