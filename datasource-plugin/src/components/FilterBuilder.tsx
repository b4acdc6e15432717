import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';
import { Button, Combobox, type ComboboxOption, IconButton, Text, useStyles2 } from '@grafana/ui';
import { type QueryFilter } from '@throughline/query';
import { useState } from 'react';
import { type DataSource } from '../DataSource.ts';
import { CommittedInput, matching, NamePicker, OptionPicker, SeveralPicker } from './controls.tsx';

export interface FilterBuilderProps {
  readonly datasource: DataSource;
  readonly id: string;
  readonly filters: readonly QueryFilter[];
  /** Keys that the query knows; others are named `attribute.<name>` and `resource.<name>` where `allowAttributes`. */
  readonly keys: readonly string[];
  readonly allowAttributes?: boolean;
  readonly onChange: (filters: QueryFilter[]) => void;
}

const OPERATORS: readonly ComboboxOption<QueryFilter['operator']>[] = [
  { value: '=', label: '=', description: 'is' },
  { value: '!=', label: '!=', description: 'is not' },
  { value: '=|', label: '=|', description: 'is one of' },
  { value: '!=|', label: '!=|', description: 'is none of' },
  { value: '=~', label: '=~', description: 'matches the expression (RE2)' },
  { value: '!~', label: '!~', description: 'does not match the expression' },
];

const NEW_FILTER: QueryFilter = { key: '', operator: '=', value: '' };

/** All have to hold. A new row is no filter before it has a key and a value: half of one would find nothing. */
export function FilterBuilder(props: FilterBuilderProps) {
  const { filters, id, onChange } = props;
  const styles = useStyles2(getStyles);
  const [added, setAdded] = useState<QueryFilter>();
  const replace = (index: number, filter: QueryFilter) =>
    onChange(filters.map((each, i) => (i === index ? filter : each)));
  const changeAdded = (filter: QueryFilter) => {
    if (filter.key === '' || !hasValue(filter)) return setAdded(filter);
    setAdded(undefined);
    onChange([...filters, filter]);
  };
  return (
    <div role="group" aria-label="Filters" className={styles.group}>
      {filters.map((filter, index) => (
        <FilterRow
          {...props}
          key={index}
          id={`${id}-${index}`}
          number={index + 1}
          filter={filter}
          onChange={(changed) => replace(index, changed)}
          onRemove={() => onChange(filters.filter((_each, i) => i !== index))}
        />
      ))}
      {added && (
        <FilterRow
          {...props}
          id={`${id}-new`}
          number={filters.length + 1}
          filter={added}
          onChange={changeAdded}
          onRemove={() => setAdded(undefined)}
        />
      )}
      <div className={styles.row}>
        <Button variant="secondary" size="sm" icon="plus" disabled={!!added} onClick={() => setAdded(NEW_FILTER)}>
          Add filter
        </Button>
        {filters.length === 0 && !added && (
          <Text color="secondary" variant="bodySmall">
            No filter: everything in the time range.
          </Text>
        )}
      </div>
    </div>
  );
}

const isSeveral = (operator: QueryFilter['operator']): boolean => operator.endsWith('|');
const hasValue = ({ operator, value, values }: QueryFilter): boolean =>
  isSeveral(operator) ? (values?.length ?? 0) > 0 : value !== '';

/** The value goes with a change between one and several. */
export function withOperator(filter: QueryFilter, operator: QueryFilter['operator']): QueryFilter {
  const values = filter.values ?? (filter.value === '' ? [] : [filter.value]);
  const value = values[0] ?? '';
  return isSeveral(operator) ? { key: filter.key, operator, value, values } : { key: filter.key, operator, value };
}

interface FilterRowProps extends Omit<FilterBuilderProps, 'filters' | 'onChange'> {
  readonly number: number;
  readonly filter: QueryFilter;
  readonly onChange: (filter: QueryFilter) => void;
  readonly onRemove: () => void;
}

function FilterRow({
  datasource,
  id,
  keys,
  allowAttributes = false,
  number,
  filter,
  onChange,
  onRemove,
}: FilterRowProps) {
  const styles = useStyles2(getStyles);
  const loadKeys = async (typed: string): Promise<ComboboxOption[]> => {
    const attributes = allowAttributes ? ['attribute.', 'resource.'].filter((prefix) => typed.startsWith(prefix)) : [];
    const known = await datasource.names('tag-keys').catch(() => keys);
    const names = known.filter((key) => keys.includes(key));
    const found = matching(names, typed).map((key) => ({ value: key, label: key }));
    const hint = { value: 'attribute.', label: 'attribute.<name>', description: "the span's own", infoOption: true };
    return allowAttributes && attributes.length === 0 ? [...found, hint] : found;
  };
  return (
    <div className={styles.row}>
      <div className={styles.key}>
        <span id={`${id}-key-name`} hidden>
          {`Filter ${number}: key`}
        </span>
        <Combobox
          id={`${id}-key`}
          aria-labelledby={`${id}-key-name`}
          placeholder="key"
          options={loadKeys}
          createCustomValue={allowAttributes}
          value={filter.key === '' ? null : filter.key}
          onChange={(option: ComboboxOption | undefined) =>
            option && onChange({ key: option.value, operator: filter.operator, value: '' })
          }
        />
      </div>
      <div className={styles.operator}>
        <OptionPicker
          id={`${id}-operator`}
          name={`Filter ${number}: operator`}
          options={OPERATORS}
          value={filter.operator}
          onChange={(operator) => onChange(withOperator(filter, operator))}
        />
      </div>
      <div className={styles.value}>
        <FilterValue datasource={datasource} id={`${id}-value`} number={number} filter={filter} onChange={onChange} />
      </div>
      <IconButton name="times" tooltip={`Remove filter ${number}`} onClick={onRemove} />
    </div>
  );
}

type FilterValueProps = Pick<FilterRowProps, 'datasource' | 'id' | 'number' | 'filter' | 'onChange'>;

function FilterValue({ datasource, id, number, filter, onChange }: FilterValueProps) {
  const label = `Filter ${number}: value`;
  const load = () => (filter.key === '' ? Promise.resolve([]) : datasource.tagValues(filter.key));
  if (filter.operator.endsWith('~')) {
    return (
      <CommittedInput
        id={id}
        aria-label={label}
        placeholder="expression"
        value={filter.value}
        onCommit={(value) => onChange({ ...filter, value })}
      />
    );
  }
  if (isSeveral(filter.operator)) {
    return (
      <SeveralPicker
        id={id}
        name={label}
        placeholder="values"
        createCustomValue
        options={async (typed) =>
          matching([...datasource.variableNames(), ...(await load())], typed).map((name) => ({
            value: name,
            label: name,
          }))
        }
        values={filter.values ?? []}
        onChange={(values) => onChange({ ...filter, value: values[0] ?? '', values })}
      />
    );
  }
  return (
    <NamePicker
      id={id}
      name={label}
      placeholder="value"
      value={filter.value}
      load={load}
      others={datasource.variableNames()}
      onChange={(value) => onChange({ ...filter, value })}
    />
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  group: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(0.5) }),
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(0.5), alignItems: 'center' }),
  key: css({ flex: '1 1 130px', minWidth: 0, maxWidth: theme.spacing(28) }),
  operator: css({ flex: '0 0 84px' }),
  value: css({ flex: '2 1 160px', minWidth: 0, maxWidth: theme.spacing(48) }),
});
