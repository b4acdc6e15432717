import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';
import { Combobox, type ComboboxOption, Field, Input, MultiCombobox, Stack, useStyles2 } from '@grafana/ui';
import { type KeyboardEvent, type ReactElement, type ReactNode } from 'react';
import { useState } from 'react';

/** Controls that all editors of the data source are made of. */

/** Fields side by side, below each other where the width is not enough. */
export function Row({ children }: { readonly children: ReactNode }) {
  return (
    <Stack direction="row" wrap="wrap" gap={1} alignItems="flex-start">
      {children}
    </Stack>
  );
}

/** What a row's choice means, beside its controls. */
export function Help({ children }: { readonly children: string }) {
  const styles = useStyles2(getStyles);
  return <div className={styles.help}>{children}</div>;
}

export interface LabelledProps {
  readonly label: string;
  /** Id of the control. */
  readonly id: string;
  readonly help?: string;
  readonly problem?: string | undefined;
  /** Takes the width that is left. */
  readonly wide?: boolean;
  readonly children: ReactElement<Record<string, unknown>>;
}

export function Labelled({ label, id, help, problem, wide = false, children }: LabelledProps) {
  const styles = useStyles2(getStyles);
  return (
    <div className={wide ? styles.wide : styles.field}>
      <Field
        noMargin
        label={label}
        htmlFor={id}
        {...(help !== undefined && { description: help })}
        invalid={problem !== undefined}
        error={problem}
      >
        {children}
      </Field>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  // 160 px twice and the gap between fit the 390 px of a phone.
  field: css({ flex: '1 1 160px', minWidth: 0, maxWidth: theme.spacing(40) }),
  help: css({
    alignSelf: 'flex-end',
    flex: '1 1 240px',
    // On the line of the controls' text.
    padding: theme.spacing(0.75, 0),
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  wide: css({ flex: '1 1 320px', minWidth: 0 }),
});

export interface CommittedInputProps {
  readonly id: string;
  readonly value: string;
  /** On Enter and on leaving, where the text is another. */
  readonly onCommit: (value: string) => void;
  readonly onDraft?: (value: string) => void;
  readonly placeholder?: string;
  readonly type?: 'text' | 'number';
  readonly min?: number;
  readonly max?: number;
  readonly suffix?: string;
  readonly invalid?: boolean;
  readonly 'aria-label'?: string;
}

/** A query per keystroke would ask the store for what nobody meant. */
export function CommittedInput({ value, onCommit, onDraft, ...props }: CommittedInputProps) {
  const [draft, setDraft] = useState<string>();
  const commit = () => {
    if (draft === undefined) return;
    if (draft !== value) onCommit(draft);
    setDraft(undefined);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') commit();
  };
  return (
    <Input
      {...props}
      value={draft ?? value}
      onChange={({ currentTarget }) => {
        setDraft(currentTarget.value);
        onDraft?.(currentTarget.value);
      }}
      onBlur={commit}
      onKeyDown={onKeyDown}
    />
  );
}

export interface NumberInputProps {
  readonly id: string;
  readonly value: number | undefined;
  readonly onCommit: (value: number | undefined) => void;
  readonly min: number;
  readonly max?: number;
  readonly placeholder?: string;
  readonly suffix?: string;
  /** Counts; others may have a fraction. */
  readonly integer?: boolean;
}

/** Holds what is written within its bounds; empty is undefined. */
export function NumberInput({ value, onCommit, min, max = Infinity, integer = false, ...props }: NumberInputProps) {
  return (
    <CommittedInput
      {...props}
      type="number"
      min={min}
      {...(max !== Infinity && { max })}
      value={value === undefined ? '' : String(value)}
      onCommit={(text) => {
        const number = text.trim() === '' ? Number.NaN : Number(text);
        if (Number.isNaN(number)) return onCommit(undefined);
        onCommit(Math.min(max, Math.max(min, integer ? Math.round(number) : number)));
      }}
    />
  );
}

/** Grafana 12's menus take a name by reference alone, and those of several values no id. */
function naming(id: string, name: string | undefined) {
  const nameId = `${id}-name`;
  return {
    label:
      name === undefined ? null : (
        <span id={nameId} hidden>
          {name}
        </span>
      ),
    props: name === undefined ? {} : { 'aria-labelledby': nameId },
  };
}

export interface OptionPickerProps<T extends string> {
  readonly id: string;
  /** Where no label says it. */
  readonly name?: string;
  readonly options: readonly ComboboxOption<T>[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}

export function OptionPicker<T extends string>({ name, options, onChange, ...props }: OptionPickerProps<T>) {
  const { label, props: named } = naming(props.id, name);
  const pick = (option: ComboboxOption<T> | undefined) => {
    // The menu passes none on where Enter is pressed before it has narrowed its list.
    if (option) onChange(option.value);
  };
  return (
    <>
      {label}
      <Combobox {...props} {...named} options={[...options]} onChange={pick} />
    </>
  );
}

export interface SeveralPickerProps<T extends string> {
  readonly id: string;
  readonly name: string;
  readonly options: ComboboxOption<T>[] | ((typed: string) => Promise<ComboboxOption<T>[]>);
  readonly values: readonly T[];
  readonly onChange: (values: T[]) => void;
  readonly placeholder?: string;
  readonly createCustomValue?: boolean;
}

export function SeveralPicker<T extends string>({ name, values, onChange, ...props }: SeveralPickerProps<T>) {
  const { label, props: named } = naming(props.id, name);
  const { options } = props;
  const labelOf = (value: T) =>
    Array.isArray(options) ? (options.find((option) => option.value === value)?.label ?? value) : value;
  return (
    <>
      {label}
      <MultiCombobox
        {...props}
        {...named}
        value={values.map((value) => ({ value, label: labelOf(value) }))}
        onChange={(picked) => onChange(picked.map(({ value }) => value))}
      />
    </>
  );
}

export interface NamePickerProps {
  readonly id: string;
  /** Where no label says it. */
  readonly name?: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly load: () => Promise<readonly string[]>;
  /** Offered before the loaded names: dashboard variables, say. */
  readonly others?: readonly string[];
  readonly placeholder?: string;
  readonly clearable?: boolean;
}

/** A name that the store knows, or any other that is typed: the store lists those of the last day only. */
export function NamePicker(pickerProps: NamePickerProps) {
  const { name, value, onChange, load, others = [], clearable = false, ...props } = pickerProps;
  const { label, props: named } = naming(props.id, name);
  const options = async (typed: string): Promise<ComboboxOption[]> => {
    const names = await load();
    return matching([...others, ...names], typed).map((each) => ({ value: each, label: each }));
  };
  const shared = { ...props, ...named, options, createCustomValue: true, value: value === '' ? null : value };
  return (
    <>
      {label}
      {clearable ? (
        <Combobox {...shared} isClearable onChange={(option) => onChange(option?.value ?? '')} />
      ) : (
        <Combobox {...shared} onChange={(option: ComboboxOption | undefined) => option && onChange(option.value)} />
      )}
    </>
  );
}

/** Most options of a menu. */
const MAX_OPTIONS = 200;

export function matching(names: readonly string[], typed: string): string[] {
  const wanted = typed.trim().toLowerCase();
  return [...new Set(names)].filter((name) => name.toLowerCase().includes(wanted)).slice(0, MAX_OPTIONS);
}
