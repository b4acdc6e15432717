import {
  type DataSourcePluginOptionsEditorProps,
  onUpdateDatasourceSecureJsonDataOption,
  updateDatasourcePluginResetOption,
} from '@grafana/data';
import { config } from '@grafana/runtime';
import { Alert, Divider, Field, FieldSet, Input, SecretInput, Stack, Text, TextLink } from '@grafana/ui';
import { type ChangeEvent } from 'react';
import { type ThroughlineOptions, type ThroughlineSecrets } from './types.ts';

type Props = DataSourcePluginOptionsEditorProps<ThroughlineOptions, ThroughlineSecrets>;

/** The backend's own defaults. */
const DEFAULTS = { user: 'read', tenant: 'default', environment: 'default', timeoutSeconds: 30, rowLimit: 1_000_000 };

const WIDTH = 50;
const SCOPE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$/;

export function ConfigEditor(props: Props) {
  const { options, onOptionsChange } = props;
  const { url, user, jsonData, secureJsonData, secureJsonFields } = options;
  const setText =
    (key: 'url' | 'user') =>
    ({ currentTarget }: ChangeEvent<HTMLInputElement>) =>
      onOptionsChange({ ...options, [key]: currentTarget.value });
  const setOption = (changed: ThroughlineOptions) =>
    onOptionsChange({ ...options, jsonData: { ...jsonData, ...changed } });
  const wrongUrl = urlProblem(url);
  return (
    <Stack direction="column" gap={1}>
      <Text color="secondary">
        Reads traces, metrics and the service map from the ClickHouse that Throughline&apos;s ingest writes to.{' '}
        <TextLink external inline href={`${config.appSubUrl}/plugins/throughline-datasource`}>
          How to set it up
        </TextLink>
      </Text>
      {options.readOnly && (
        <Alert severity="info" title="Provisioned">
          This data source is set in a provisioning file and can be changed there only.
        </Alert>
      )}
      <Divider />
      <FieldSet label="Store">
        <Field
          label="URL"
          htmlFor="throughline-url"
          required
          description="The HTTP interface of ClickHouse, as Grafana's server reaches it: http://clickhouse:8123, or https:// with a certificate that Grafana's host trusts."
          invalid={wrongUrl !== undefined}
          error={wrongUrl}
        >
          <Input
            id="throughline-url"
            width={WIDTH}
            placeholder="http://localhost:8123"
            value={url}
            disabled={options.readOnly}
            onChange={setText('url')}
          />
        </Field>
        <Field
          label="User"
          htmlFor="throughline-user"
          description="A read-only user: queries of viewers run as it. The database is throughline."
        >
          <Input
            id="throughline-user"
            width={WIDTH}
            placeholder={DEFAULTS.user}
            value={user}
            disabled={options.readOnly}
            onChange={setText('user')}
          />
        </Field>
        <Field
          label="Read token"
          htmlFor="throughline-token"
          description="The password of that user. Kept encrypted by Grafana and never sent to a browser."
        >
          <SecretInput
            id="throughline-token"
            width={WIDTH}
            placeholder="token"
            isConfigured={secureJsonFields?.['readToken'] ?? false}
            value={secureJsonData?.readToken ?? ''}
            disabled={options.readOnly}
            onChange={onUpdateDatasourceSecureJsonDataOption(props, 'readToken')}
            onReset={() => updateDatasourcePluginResetOption(props, 'readToken')}
          />
        </Field>
      </FieldSet>
      <FieldSet label="Scope">
        <ScopeField
          id="throughline-tenant"
          label="Tenant"
          description="Whose data is read. Every query is bound to it, SQL of viewers too."
          placeholder={DEFAULTS.tenant}
          value={jsonData.tenant}
          disabled={options.readOnly}
          onChange={(tenant) => setOption({ tenant })}
        />
        <ScopeField
          id="throughline-environment"
          label="Environment"
          description="production, staging …: as the agents were started with."
          placeholder={DEFAULTS.environment}
          value={jsonData.environment}
          disabled={options.readOnly}
          onChange={(environment) => setOption({ environment })}
        />
      </FieldSet>
      <FieldSet label="Limits">
        <NumberField
          id="throughline-timeout"
          label="Timeout"
          description="Seconds after which a query is given up."
          standard={DEFAULTS.timeoutSeconds}
          min={1}
          max={600}
          value={jsonData.timeoutSeconds}
          disabled={options.readOnly}
          onChange={(timeoutSeconds) => setOption({ timeoutSeconds })}
        />
        <NumberField
          id="throughline-rows"
          label="Row limit"
          description="Most rows of one answer to SQL; Grafana's own limit lowers it."
          standard={DEFAULTS.rowLimit}
          min={1}
          max={10_000_000}
          value={jsonData.rowLimit}
          disabled={options.readOnly}
          onChange={(rowLimit) => setOption({ rowLimit })}
        />
      </FieldSet>
    </Stack>
  );
}

export function urlProblem(url: string): string | undefined {
  if (url === '') return undefined;
  const scheme = URL.canParse(url) ? new URL(url).protocol : undefined;
  if (scheme === 'http:' || scheme === 'https:') return undefined;
  return 'Begin with http:// or https://, as in http://clickhouse:8123';
}

interface ScopeFieldProps {
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly placeholder: string;
  readonly value: string | undefined;
  readonly disabled: boolean;
  /** Undefined where the field is empty: the default then holds. */
  readonly onChange: (value: string | undefined) => void;
}

function ScopeField({ id, label, description, value = '', onChange, ...input }: ScopeFieldProps) {
  const isInvalid = value !== '' && !SCOPE_NAME.test(value);
  const error = 'Letters, digits and _ . : - only, at most 63';
  return (
    <Field
      label={label}
      htmlFor={id}
      description={description}
      invalid={isInvalid}
      error={isInvalid ? error : undefined}
    >
      <Input
        {...input}
        id={id}
        width={WIDTH}
        value={value}
        onChange={({ currentTarget }) => onChange(currentTarget.value === '' ? undefined : currentTarget.value)}
      />
    </Field>
  );
}

interface NumberFieldProps {
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly standard: number;
  readonly min: number;
  readonly max: number;
  readonly value: number | undefined;
  readonly disabled: boolean;
  readonly onChange: (value: number | undefined) => void;
}

function NumberField({ id, label, description, standard, min, max, value, disabled, onChange }: NumberFieldProps) {
  const isInvalid = value !== undefined && !(Number.isInteger(value) && value >= min && value <= max);
  const error = `A whole number from ${min} to ${max}`;
  return (
    <Field
      label={label}
      htmlFor={id}
      description={description}
      invalid={isInvalid}
      error={isInvalid ? error : undefined}
    >
      <Input
        id={id}
        type="number"
        width={WIDTH}
        min={min}
        max={max}
        placeholder={String(standard)}
        value={value ?? ''}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.value === '' ? undefined : Number(currentTarget.value))}
      />
    </Field>
  );
}
