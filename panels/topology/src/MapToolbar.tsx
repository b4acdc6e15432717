import { Button, ButtonGroup, IconButton, Input, RadioButtonGroup, Icon } from '@grafana/ui';
import { type EdgeMetric } from '@throughline/viz';
import { type KeyboardEvent, type RefObject } from 'react';
import { type TopologyStyles } from './styles.ts';

const METRICS: { readonly value: EdgeMetric; readonly label: string }[] = [
  { value: 'rate', label: 'Rate' },
  { value: 'errors', label: 'Errors' },
  { value: 'p95', label: 'p95' },
  { value: 'all', label: 'All' },
];

interface MapToolbarProps {
  readonly styles: TopologyStyles;
  readonly metric: EdgeMetric;
  readonly onMetric: (metric: EdgeMetric) => void;
  readonly focusName: string | undefined;
  readonly depth: number;
  readonly onDepth: (step: 1 | -1) => void;
  readonly onLeaveFocus: () => void;
  readonly search: string;
  readonly matches: number;
  readonly onSearch: (text: string) => void;
  readonly onNextMatch: () => void;
  readonly onLeaveSearch: () => void;
  readonly searchRef: RefObject<HTMLInputElement | null>;
  readonly onZoom: (factor: number) => void;
  readonly onFit: () => void;
  readonly isNarrow: boolean;
}

export function MapToolbar(props: MapToolbarProps) {
  const { styles, metric, onMetric, focusName, depth, onDepth, onLeaveFocus, isNarrow } = props;
  const { search, matches, onSearch, onNextMatch, onLeaveSearch, searchRef, onZoom, onFit } = props;
  const onSearchKey = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === 'Enter') onNextMatch();
    else if (event.key === 'Escape') onLeaveSearch();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className={styles.toolbar} role="toolbar" aria-label="Map">
      <span className={styles.group}>
        {!isNarrow && <span className={styles.label}>On edges</span>}
        <RadioButtonGroup size="sm" options={METRICS} value={metric} onChange={onMetric} aria-label="On edges" />
      </span>
      {focusName !== undefined && (
        <span className={styles.group}>
          <span className={styles.chip} data-testid="focus">
            <Icon name="filter" size="sm" />
            <span title={focusName}>focus: {focusName}</span>
            <IconButton
              name="times"
              size="sm"
              tooltip="Leave focus (Esc)"
              aria-label="Leave focus"
              onClick={onLeaveFocus}
            />
          </span>
          <span className={styles.label}>Depth</span>
          <ButtonGroup>
            <Button size="sm" variant="secondary" icon="minus" aria-label="Less" onClick={() => onDepth(-1)} />
            <Button size="sm" variant="secondary" icon="plus" aria-label="More" onClick={() => onDepth(1)} />
          </ButtonGroup>
          <span className={styles.depth}>
            {depth === Infinity ? 'whole path' : `${depth} ${depth === 1 ? 'step' : 'steps'}`}
          </span>
        </span>
      )}
      <span className={styles.grow} />
      <div className={styles.search}>
        <Input
          ref={searchRef}
          value={search}
          height={24}
          prefix={<Icon name="search" size="sm" />}
          suffix={search === '' ? <kbd>/</kbd> : <span className={styles.label}>{matches}</span>}
          placeholder="Find a service"
          aria-label="Find a service"
          onChange={(event) => onSearch(event.currentTarget.value)}
          onKeyDown={onSearchKey}
        />
      </div>
      <ButtonGroup>
        <Button
          size="sm"
          variant="secondary"
          icon="search-minus"
          aria-label="Zoom out"
          onClick={() => onZoom(1 / 1.4)}
        />
        <Button size="sm" variant="secondary" icon="search-plus" aria-label="Zoom in" onClick={() => onZoom(1.4)} />
        <Button size="sm" variant="secondary" onClick={onFit}>
          Fit
        </Button>
      </ButtonGroup>
    </div>
  );
}
