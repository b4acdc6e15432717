import {
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  type FieldConfigPropertyItem,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { ColorPicker, Input, MultiSelect, RadioButtonGroup, Select, Slider, Switch, UnitPicker } from '@grafana/ui';
import { type ComponentType } from 'react';

interface EditorProps<T> {
  readonly value: T | undefined;
  readonly onChange: (value: T | undefined) => void;
  readonly item: {
    readonly name?: string;
    readonly settings?: {
      readonly options?: { readonly value: T; readonly label: string }[];
      readonly min?: number;
      readonly max?: number;
      readonly step?: number;
    };
  };
}

const editors = {
  text: ({ value, onChange, item }: EditorProps<string>) => (
    <Input aria-label={item.name} defaultValue={value ?? ''} onBlur={(event) => onChange(event.currentTarget.value)} />
  ),
  number: ({ value, onChange, item }: EditorProps<number>) => (
    <Input
      aria-label={item.name}
      type="number"
      defaultValue={value ?? ''}
      onBlur={({ currentTarget }) => onChange(currentTarget.value === '' ? undefined : Number(currentTarget.value))}
    />
  ),
  slider: ({ value, onChange, item }: EditorProps<number>) => (
    <Slider
      min={item.settings?.min ?? 0}
      max={item.settings?.max ?? 100}
      step={item.settings?.step ?? 1}
      value={value ?? 0}
      onChange={onChange}
    />
  ),
  boolean: ({ value, onChange, item }: EditorProps<boolean>) => (
    <Switch aria-label={item.name} value={value ?? false} onChange={(event) => onChange(event.currentTarget.checked)} />
  ),
  select: ({ value, onChange, item }: EditorProps<string>) => (
    <Select
      aria-label={item.name ?? ''}
      options={item.settings?.options ?? []}
      value={value ?? null}
      onChange={(option) => onChange(option.value)}
    />
  ),
  'multi-select': ({ value, onChange, item }: EditorProps<string[]>) => (
    <MultiSelect
      aria-label={item.name ?? ''}
      options={(item.settings?.options ?? []) as never}
      value={(value ?? []) as never}
      onChange={(options) => onChange(options.map((option) => String(option.value)))}
    />
  ),
  radio: ({ value, onChange, item }: EditorProps<string>) => (
    <RadioButtonGroup
      options={item.settings?.options ?? []}
      {...(value !== undefined && { value })}
      onChange={onChange}
    />
  ),
  color: ({ value, onChange }: EditorProps<string>) => <ColorPicker color={value ?? 'green'} onChange={onChange} />,
  unit: ({ value, onChange }: EditorProps<string>) => <UnitPicker value={value ?? ''} onChange={onChange} />,
};

/** Asked for by panels' options; a missing id throws while the panel loads. The workbench edits none of them. */
const UNEDITED = [
  'links',
  'actions',
  'mappings',
  'thresholds',
  'fieldColor',
  'stats-picker',
  'timezone',
  'field-name',
  'dashboard-uid',
  'strings',
  'multi-field-name',
];

function NoEditor() {
  return <em>Edited in Grafana only</em>;
}

type Process = FieldConfigPropertyItem['process'];

function property(id: string, name: string, editor: ComponentType<never>, process: unknown, extra: object = {}) {
  return {
    id,
    path: id,
    name,
    editor,
    override: editor,
    process: process as Process,
    settings: {},
    shouldApply: () => true,
    category: ['Standard options'],
    ...extra,
  };
}

export function initRegistries(): void {
  standardEditorsRegistry.setInit(() => [
    ...Object.entries(editors).map(([id, editor]) => ({ id, name: id, editor: editor as never })),
    ...UNEDITED.map((id) => ({ id, name: id, editor: NoEditor as never })),
  ]);
  const { text, number, boolean, unit } = editors;
  const steps = [
    { value: -Infinity, color: 'green' },
    { value: 80, color: 'red' },
  ];
  standardFieldConfigEditorRegistry.setInit(
    () =>
      [
        property('unit', 'Unit', unit, unitOverrideProcessor),
        property('min', 'Min', number, numberOverrideProcessor),
        property('max', 'Max', number, numberOverrideProcessor),
        property('fieldMinMax', 'Field min/max', boolean, booleanOverrideProcessor),
        property('decimals', 'Decimals', number, numberOverrideProcessor),
        property('displayName', 'Display name', text, displayNameOverrideProcessor, {
          settings: { expandTemplateVars: true },
        }),
        property('color', 'Color scheme', NoEditor, identityOverrideProcessor),
        property('noValue', 'No value', text, stringOverrideProcessor),
        property('links', 'Data links', NoEditor, dataLinksOverrideProcessor),
        property('actions', 'Actions', NoEditor, identityOverrideProcessor),
        property('mappings', 'Value mappings', NoEditor, valueMappingsOverrideProcessor, { defaultValue: [] }),
        property('thresholds', 'Thresholds', NoEditor, thresholdsOverrideProcessor, {
          defaultValue: { mode: 'absolute', steps },
        }),
        property('filterable', 'Filterable', boolean, booleanOverrideProcessor, { hideFromDefaults: true }),
      ] as never
  );
  standardTransformersRegistry.setInit(
    () =>
      Object.values(standardTransformers).map((transformation) => ({
        id: transformation.id,
        name: transformation.name,
        description: transformation.description,
        transformation,
        editor: NoEditor,
        imageDark: '',
        imageLight: '',
      })) as never
  );
}
