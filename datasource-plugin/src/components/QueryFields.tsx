import { InlineSwitch, RadioButtonGroup, Text } from '@grafana/ui';
import {
  HOP_DISPLAYS,
  type QueryFilter,
  RED_GROUPS,
  RED_METRICS,
  type RedMetric,
  SIDES,
  SQL_FORMATS,
  TRACE_ORDERS,
  TRACE_SUBJECTS,
} from '@throughline/query';
import { useState } from 'react';
import { type DataSource } from '../DataSource.ts';
import { filterKeysOf, traceIdProblem } from '../model.ts';
import { type ThroughlineQuery } from '../types.ts';
import {
  CommittedInput,
  Help,
  Labelled,
  matching,
  NamePicker,
  NumberInput,
  OptionPicker,
  Row,
  SeveralPicker,
} from './controls.tsx';
import { FilterBuilder } from './FilterBuilder.tsx';
import { SqlEditor } from './SqlEditor.tsx';

/** The fields of each type of query. A change of a field runs the query; texts are changed on Enter and on leaving. */

type QueryOf<T extends ThroughlineQuery['queryType']> = Extract<ThroughlineQuery, { queryType: T }>;

interface FieldsProps<Q extends ThroughlineQuery> {
  readonly id: string;
  readonly datasource: DataSource;
  readonly query: Q;
  readonly onChange: (query: ThroughlineQuery, run?: boolean) => void;
  readonly onRun: () => void;
}

export function QueryFields(props: FieldsProps<ThroughlineQuery>) {
  const { query, ...others } = props;
  switch (query.queryType) {
    case 'red':
      return <RedFields {...others} query={query} />;
    case 'overview':
    case 'serviceMap':
      return <MapFields {...others} query={query} />;
    case 'edge':
      return <EdgeFields {...others} query={query} />;
    case 'breakdown':
      return <BreakdownFields {...others} query={query} />;
    case 'traceSearch':
      return <TraceSearchFields {...others} query={query} />;
    case 'traceId':
      return <TraceIdFields {...others} query={query} />;
    case 'events':
      return <EventsFields {...others} query={query} />;
    case 'freshness':
      return null;
    case 'sql':
      return <SqlFields {...others} query={query} />;
  }
}

const METRIC_LABELS: Readonly<Record<RedMetric, string>> = {
  rate: 'Rate',
  errorShare: 'Error share',
  p50: 'P50',
  p95: 'P95',
  p99: 'P99',
};
const METRIC_OPTIONS = RED_METRICS.map((value) => ({ value, label: METRIC_LABELS[value] }));
const GROUP_LABELS = { service: 'Service', endpoint: 'Endpoint', edge: 'Edge' } as const;
const GROUP_OPTIONS = RED_GROUPS.map((value) => ({ value, label: GROUP_LABELS[value] }));
const SIDE_HELP = {
  server: { label: 'Server', description: 'What arrived at a service' },
  client: { label: 'Client', description: 'What a service called' },
} as const;
const SIDE_OPTIONS = SIDES.map((value) => ({ value, ...SIDE_HELP[value] }));

function RedFields({ id, datasource, query, onChange }: FieldsProps<QueryOf<'red'>>) {
  return (
    <>
      <Row>
        <Labelled label="Metrics" id={`${id}-metrics`}>
          <SeveralPicker
            id={`${id}-metrics`}
            name="Metrics"
            options={METRIC_OPTIONS}
            values={query.metrics}
            onChange={(metrics) => {
              // A query of no metric has no answer: the last one stays.
              if (metrics.length > 0) onChange({ ...query, metrics });
            }}
          />
        </Labelled>
        <Labelled label="Group by" id={`${id}-group`}>
          <RadioButtonGroup
            id={`${id}-group`}
            aria-label="Group by"
            options={GROUP_OPTIONS}
            value={query.groupBy}
            onChange={(groupBy) => onChange({ ...query, groupBy })}
          />
        </Labelled>
        <Labelled label="Side" id={`${id}-side`}>
          <RadioButtonGroup
            id={`${id}-side`}
            aria-label="Side"
            options={SIDE_OPTIONS}
            value={query.side}
            onChange={(side) => onChange({ ...query, side })}
          />
        </Labelled>
        <Labelled label="Most series" id={`${id}-limit`}>
          <NumberInput
            id={`${id}-limit`}
            integer
            min={1}
            max={200}
            value={query.limit}
            onCommit={(limit = 20) => onChange({ ...query, limit })}
          />
        </Labelled>
        <Labelled label="Exemplars" id={`${id}-exemplars`}>
          <InlineSwitch
            id={`${id}-exemplars`}
            aria-label="Exemplars"
            value={query.exemplars}
            onChange={({ currentTarget }) => onChange({ ...query, exemplars: currentTarget.checked })}
          />
        </Labelled>
      </Row>
      <Filters id={id} datasource={datasource} query={query} onChange={(filters) => onChange({ ...query, filters })} />
    </>
  );
}

interface FiltersProps {
  readonly id: string;
  readonly datasource: DataSource;
  readonly query: QueryOf<'red' | 'overview' | 'serviceMap' | 'traceSearch'>;
  readonly onChange: (filters: QueryFilter[]) => void;
}

function Filters({ id, datasource, query, onChange }: FiltersProps) {
  return (
    <FilterBuilder
      id={`${id}-filter`}
      datasource={datasource}
      filters={query.filters}
      keys={filterKeysOf(query.queryType)}
      allowAttributes={query.queryType === 'traceSearch'}
      onChange={onChange}
    />
  );
}

const MOST = { overview: { limit: 500, max: 5_000 }, serviceMap: { limit: 2_000, max: 10_000 } } as const;

function MapFields({ id, datasource, query, onChange }: FieldsProps<QueryOf<'overview' | 'serviceMap'>>) {
  const { limit: standard, max } = MOST[query.queryType];
  return (
    <>
      <Filters id={id} datasource={datasource} query={query} onChange={(filters) => onChange({ ...query, filters })} />
      <Row>
        <Labelled label={query.queryType === 'overview' ? 'Most rows of a table' : 'Most edges'} id={`${id}-limit`}>
          <NumberInput
            id={`${id}-limit`}
            integer
            min={1}
            max={max}
            value={query.limit}
            onCommit={(limit = standard) => onChange({ ...query, limit })}
          />
        </Labelled>
      </Row>
    </>
  );
}

/** Services, and what is called and has no agent. */
async function loadNodes(datasource: DataSource): Promise<readonly string[]> {
  return (await Promise.all([datasource.names('services'), datasource.tagValues('peer')])).flat();
}

function loadEndpoints(datasource: DataSource, service: string): Promise<readonly string[]> {
  const isKnown = service !== '' && !service.includes('$');
  return isKnown ? datasource.names('endpoints', { service }) : datasource.tagValues('endpoint');
}

function EdgeFields({ id, datasource, query, onChange }: FieldsProps<QueryOf<'edge'>>) {
  const variables = datasource.variableNames();
  return (
    <Row>
      <Labelled label="Caller" id={`${id}-source`}>
        <NamePicker
          id={`${id}-source`}
          placeholder="service"
          value={query.source}
          load={() => loadNodes(datasource)}
          others={variables}
          onChange={(source) => onChange({ ...query, source })}
        />
      </Labelled>
      <Labelled label="Callee" id={`${id}-target`}>
        <NamePicker
          id={`${id}-target`}
          placeholder="service or far end"
          value={query.target}
          load={() => loadNodes(datasource)}
          others={variables}
          onChange={(target) => onChange({ ...query, target })}
        />
      </Labelled>
      <Labelled label="Endpoint of the callee" id={`${id}-endpoint`}>
        <NamePicker
          id={`${id}-endpoint`}
          placeholder="all"
          clearable
          value={query.endpoint}
          load={() => loadEndpoints(datasource, query.target)}
          others={variables}
          onChange={(endpoint) => onChange({ ...query, endpoint })}
        />
      </Labelled>
      {(query.source === '' || query.target === '') && <Help>Pick who calls and who is called.</Help>}
    </Row>
  );
}

function BreakdownFields({ id, datasource, query, onChange }: FieldsProps<QueryOf<'breakdown'>>) {
  const variables = datasource.variableNames();
  return (
    <Row>
      <Labelled label="Service" id={`${id}-service`}>
        <NamePicker
          id={`${id}-service`}
          placeholder="service"
          value={query.service}
          load={() => datasource.names('services')}
          others={variables}
          onChange={(service) => onChange({ ...query, service })}
        />
      </Labelled>
      <Labelled label="Endpoint" id={`${id}-endpoint`}>
        <NamePicker
          id={`${id}-endpoint`}
          placeholder="all"
          clearable
          value={query.endpoint}
          load={() => loadEndpoints(datasource, query.service)}
          others={variables}
          onChange={(endpoint) => onChange({ ...query, endpoint })}
        />
      </Labelled>
      {query.service === '' && <Help>Pick a service.</Help>}
    </Row>
  );
}

const SUBJECT_HELP = {
  roots: { label: 'Root requests', description: 'What came from outside: one row per trace' },
  requests: { label: 'Requests', description: 'Whatever a service was asked' },
  calls: { label: 'Calls', description: 'Whatever a service called' },
} as const;
const SUBJECT_OPTIONS = TRACE_SUBJECTS.map((value) => ({ value, ...SUBJECT_HELP[value] }));
const ORDER_LABELS = { recent: 'Most recent', slowest: 'Slowest', failedFirst: 'Failed, then slowest' } as const;
const ORDER_OPTIONS = TRACE_ORDERS.map((value) => ({ value, label: ORDER_LABELS[value] }));

function TraceSearchFields({ id, datasource, query, onChange }: FieldsProps<QueryOf<'traceSearch'>>) {
  const { minDurationMs: min, maxDurationMs: max } = query;
  const isEmptyRange = min !== undefined && max !== undefined && min > max;
  return (
    <>
      <Filters id={id} datasource={datasource} query={query} onChange={(filters) => onChange({ ...query, filters })} />
      <Row>
        <Labelled label="Search for" id={`${id}-of`}>
          <OptionPicker
            id={`${id}-of`}
            options={SUBJECT_OPTIONS}
            value={query.of}
            onChange={(of) => onChange({ ...query, of })}
          />
        </Labelled>
        <Labelled label="Order" id={`${id}-order`}>
          <OptionPicker
            id={`${id}-order`}
            options={ORDER_OPTIONS}
            value={query.order}
            onChange={(order) => onChange({ ...query, order })}
          />
        </Labelled>
        <Labelled label="Shortest" id={`${id}-min`} problem={isEmptyRange ? 'Longer than the longest.' : undefined}>
          <NumberInput
            id={`${id}-min`}
            placeholder="none"
            suffix="ms"
            min={0}
            value={min}
            onCommit={(minDurationMs) => onChange({ ...query, minDurationMs })}
          />
        </Labelled>
        <Labelled label="Longest" id={`${id}-max`}>
          <NumberInput
            id={`${id}-max`}
            placeholder="none"
            suffix="ms"
            min={0}
            value={max}
            onCommit={(maxDurationMs) => onChange({ ...query, maxDurationMs })}
          />
        </Labelled>
        <Labelled label="Most rows" id={`${id}-limit`}>
          <NumberInput
            id={`${id}-limit`}
            integer
            min={1}
            max={1_000}
            value={query.limit}
            onCommit={(limit = 50) => onChange({ ...query, limit })}
          />
        </Labelled>
      </Row>
    </>
  );
}

const HOP_LABELS = { rows: 'As rows', tags: 'As tags', none: 'Hidden' } as const;
const HOP_OPTIONS = HOP_DISPLAYS.map((value) => ({ value, label: HOP_LABELS[value] }));

function TraceIdFields({ id, query, onChange }: FieldsProps<QueryOf<'traceId'>>) {
  const [written, setWritten] = useState<string>();
  const text = written ?? query.query;
  return (
    <Row>
      <Labelled label="Trace or span id" id={`${id}-query`} wide problem={traceIdProblem(text)}>
        <CommittedInput
          id={`${id}-query`}
          placeholder="32 hex digits of a trace, or 16 of any span in it"
          value={query.query}
          onDraft={setWritten}
          onCommit={(changed) => {
            setWritten(undefined);
            // What is no id is kept for correction, and not asked for.
            onChange({ ...query, query: changed.trim() }, traceIdProblem(changed) === undefined);
          }}
        />
      </Labelled>
      <Labelled label="Network hops" id={`${id}-hops`}>
        <RadioButtonGroup
          id={`${id}-hops`}
          aria-label="Network hops"
          options={HOP_OPTIONS}
          value={query.hops}
          onChange={(hops) => onChange({ ...query, hops })}
        />
      </Labelled>
    </Row>
  );
}

const EVENT_KINDS = ['process_start', 'process_end', 'agent_start', 'rows_dropped'];

function EventsFields({ id, datasource, query, onChange }: FieldsProps<QueryOf<'events'>>) {
  const variables = datasource.variableNames();
  return (
    <Row>
      <Labelled label="Kinds" id={`${id}-kinds`}>
        <SeveralPicker
          id={`${id}-kinds`}
          name="Kinds"
          placeholder="all"
          createCustomValue
          options={(typed) =>
            Promise.resolve(matching([...variables, ...EVENT_KINDS], typed).map((value) => ({ value, label: value })))
          }
          values={query.kinds}
          onChange={(kinds) => onChange({ ...query, kinds })}
        />
      </Labelled>
      <Labelled label="Service" id={`${id}-service`}>
        <NamePicker
          id={`${id}-service`}
          placeholder="all"
          clearable
          value={query.service}
          load={() => datasource.names('services')}
          others={variables}
          onChange={(service) => onChange({ ...query, service })}
        />
      </Labelled>
      <Labelled label="Most events" id={`${id}-limit`}>
        <NumberInput
          id={`${id}-limit`}
          integer
          min={1}
          max={1_000}
          value={query.limit}
          onCommit={(limit = 200) => onChange({ ...query, limit })}
        />
      </Labelled>
    </Row>
  );
}

const FORMAT_HELP = {
  auto: { label: 'Auto', description: 'Series where a column is named "time", else a table' },
  timeseries: { label: 'Time series', description: 'One series per combination of the text columns' },
  table: { label: 'Table', description: 'As it comes' },
} as const;
const FORMAT_OPTIONS = SQL_FORMATS.map((value) => ({ value, ...FORMAT_HELP[value] }));

function SqlFields({ id, datasource, query, onChange, onRun }: FieldsProps<QueryOf<'sql'>>) {
  return (
    <>
      <SqlEditor
        datasource={datasource}
        value={query.rawSql}
        onChange={(rawSql) => onChange({ ...query, rawSql }, false)}
        onRun={onRun}
      />
      <Row>
        <Labelled label="Format" id={`${id}-format`}>
          <RadioButtonGroup
            id={`${id}-format`}
            aria-label="Format"
            options={FORMAT_OPTIONS}
            value={query.format}
            onChange={(format) => onChange({ ...query, format })}
          />
        </Labelled>
      </Row>
      <Text color="secondary" variant="bodySmall">
        Ctrl+Enter runs. Macros such as $__timeFilter(Time) and $__timeInterval(Time) are completed after $.
      </Text>
    </>
  );
}
