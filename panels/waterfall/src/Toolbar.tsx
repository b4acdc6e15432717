import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';
import { Icon, IconButton, useStyles2 } from '@grafana/ui';
import { type KeyboardEvent, type RefObject, useMemo } from 'react';
import { formatCount, TRACE_LAYERS, type TraceLayer, type TraceModel } from '@throughline/viz';
import { type Waterfall } from './useWaterfall.ts';

const LAYER_NAMES: Readonly<Record<TraceLayer, string>> = {
  application: 'App',
  process: 'Process',
  network: 'Network',
};

export interface ToolbarProps {
  readonly waterfall: Waterfall;
  readonly narrow: boolean;
  readonly compact: boolean;
  readonly findRef: RefObject<HTMLInputElement | null>;
  readonly layersRef: RefObject<HTMLButtonElement | null>;
  readonly onCompact: (compact: boolean) => void;
  readonly onHelp: () => void;
  /** Gives the keyboard back to the rows. */
  readonly onLeave: () => void;
}

export function Toolbar(props: ToolbarProps) {
  const { waterfall, narrow, compact, findRef, layersRef, onCompact, onHelp, onLeave } = props;
  const styles = useStyles2(getStyles);
  const { model, view, query, found, errors, selectedSpan } = waterfall;
  const counts = useMemo(() => layerCounts(model), [model]);
  const hasLinks = useMemo(() => model.linkProbability.some((probability) => probability < 1), [model]);

  const onKey = (event: KeyboardEvent): void => {
    // Grafana binds single letters to the panel below the pointer.
    if (event.key.length === 1) event.stopPropagation();
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    onLeave();
  };
  const onFindKey = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === 'Enter') waterfall.stepFound(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') {
      waterfall.setQuery('');
      onLeave();
    } else if (event.key === 'ArrowDown') onLeave();
  };
  const foundAt = selectedSpan === undefined ? -1 : found.indexOf(selectedSpan);
  const errorAt = selectedSpan === undefined ? -1 : errors.indexOf(selectedSpan);
  return (
    <div className={styles.bar} role="toolbar" aria-label="Waterfall" onKeyDown={onKey}>
      <div className={styles.segments} role="group" aria-label="Layers">
        {TRACE_LAYERS.map((layer, index) => (
          <button
            key={layer}
            ref={index === 0 ? layersRef : undefined}
            type="button"
            className={view.layers[layer] ? styles.segmentOn : styles.segment}
            aria-pressed={view.layers[layer]}
            onClick={() => waterfall.setLayer(layer, !view.layers[layer])}
          >
            {LAYER_NAMES[layer]} <span>{formatCount(counts[layer])}</span>
          </button>
        ))}
      </div>
      {hasLinks && !narrow && (
        <label className={styles.slider} title="Spans whose link is less sure go to the tray at the end">
          links ≥ {view.minProbability.toFixed(2)}
          <input
            type="range"
            min={0}
            max={1}
            step={0.01}
            value={view.minProbability}
            aria-label="Least certainty of links"
            onChange={(event) => waterfall.setMinProbability(Number(event.currentTarget.value))}
            onKeyDown={(event) => event.stopPropagation()}
          />
        </label>
      )}
      <span className={styles.gap} />
      <div className={styles.find}>
        <Icon name="search" size="sm" />
        <input
          ref={findRef}
          value={query}
          placeholder={`Find in ${formatCount(model.count)} spans`}
          aria-label="Find spans"
          title="By service, operation or span id; key=value by attribute"
          onChange={(event) => waterfall.setQuery(event.currentTarget.value)}
          onKeyDown={onFindKey}
        />
        {query === '' ? (
          <kbd>/</kbd>
        ) : (
          <span role="status" className={styles.foundCount}>
            {foundAt === -1 ? formatCount(found.length) : `${foundAt + 1} of ${formatCount(found.length)}`}
          </span>
        )}
      </div>
      {errors.length > 0 && (
        <button
          type="button"
          className={styles.errors}
          title="Next error, n"
          aria-label={`Next of ${errors.length} errors`}
          onClick={(event) => waterfall.stepError(event.shiftKey ? -1 : 1)}
        >
          <Icon name="exclamation-circle" size="sm" />
          <span>
            {errorAt === -1 ? formatCount(errors.length) : `${errorAt + 1} of ${formatCount(errors.length)}`}
            {errorAt === -1 && (errors.length === 1 ? ' error' : ' errors')}
          </span>
          <Icon name="angle-down" size="sm" />
        </button>
      )}
      {!narrow && (
        <>
          <IconButton
            name={compact ? 'expand-arrows-alt' : 'compress-arrows'}
            tooltip={compact ? 'Comfortable rows' : 'Compact rows'}
            onClick={() => onCompact(!compact)}
          />
          <IconButton name="keyboard" tooltip="Keys, ?" onClick={onHelp} />
        </>
      )}
    </div>
  );
}

function layerCounts(model: TraceModel): Readonly<Record<TraceLayer, number>> {
  const counts = { application: 0, process: 0, network: 0 };
  for (const layer of model.layer) counts[TRACE_LAYERS[layer]!]++;
  for (const points of model.hops.values()) counts.network += points.filter(({ kind }) => kind === 'interface').length;
  return counts;
}

const getStyles = (theme: GrafanaTheme2) => {
  const focus = { outline: `2px solid ${theme.colors.primary.border}`, outlineOffset: -2 };
  const control = {
    display: 'inline-flex',
    alignItems: 'center',
    gap: 6,
    height: 26,
    padding: '0 8px',
    fontSize: theme.typography.bodySmall.fontSize,
    whiteSpace: 'nowrap',
    color: theme.colors.text.primary,
    background: theme.colors.action.hover,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    '&:focus-visible': focus,
  } as const;
  const segment = {
    ...control,
    background: theme.components.input.background,
    border: 0,
    borderRadius: 0,
    borderRight: `1px solid ${theme.colors.border.weak}`,
    '&:last-child': { borderRight: 0 },
    '& > span': { fontWeight: theme.typography.fontWeightRegular, fontVariantNumeric: 'tabular-nums' },
  } as const;
  return {
    bar: css({
      display: 'flex',
      flexWrap: 'wrap',
      alignItems: 'center',
      gap: 8,
      padding: '3px 12px 6px',
      flex: 'none',
    }),
    segments: css({
      display: 'inline-flex',
      overflow: 'hidden',
      border: `1px solid ${theme.colors.border.medium}`,
      borderRadius: theme.shape.radius.default,
    }),
    segment: css({ ...segment, color: theme.colors.text.secondary, textDecoration: 'line-through' }),
    segmentOn: css({ ...segment, background: theme.colors.action.selected }),
    slider: css({
      ...control,
      margin: 0,
      fontWeight: theme.typography.fontWeightRegular,
      fontVariantNumeric: 'tabular-nums',
      color: theme.colors.text.secondary,
      background: theme.components.input.background,
      borderColor: theme.colors.border.medium,
      input: { width: 64, accentColor: theme.colors.primary.main },
    }),
    gap: css({ flex: 1 }),
    find: css({
      ...control,
      flex: '0 1 230px',
      minWidth: 130,
      color: theme.colors.text.secondary,
      background: theme.components.input.background,
      borderColor: theme.colors.border.medium,
      '&:focus-within': focus,
      input: {
        flex: 1,
        minWidth: 0,
        border: 0,
        outline: 'none',
        background: 'none',
        color: theme.colors.text.primary,
        '&::placeholder': { color: theme.colors.text.secondary },
      },
      kbd: {
        padding: '0 4px',
        fontSize: 10,
        lineHeight: '14px',
        color: theme.colors.text.secondary,
        background: theme.colors.background.canvas,
        border: `1px solid ${theme.colors.border.medium}`,
        borderRadius: 3,
        boxShadow: 'none',
      },
    }),
    foundCount: css({ fontVariantNumeric: 'tabular-nums' }),
    errors: css({ ...control, '& > svg:first-of-type': { color: theme.colors.error.text } }),
  };
};
