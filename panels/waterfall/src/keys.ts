import { type KeyboardEvent } from 'react';
import { type WaterfallRow } from '@throughline/viz';
import { type Waterfall } from './useWaterfall.ts';
import { rangeOfRow } from './WaterfallBody.tsx';

export const KEYS: readonly (readonly [string, string])[] = [
  ['j k ↓ ↑', 'next, previous row'],
  ['→ ←', 'open, close a row; to its first row, to the row above'],
  ['n N', 'next, previous error'],
  ['f', 'zoom to the row'],
  ['o Enter', 'details of the row'],
  ['[ ]', 'step the window to the left, to the right'],
  ['l', 'layers'],
  ['/', 'find'],
  ['Esc', 'back one level'],
];

export interface KeyTargets {
  readonly waterfall: Waterfall;
  readonly pageRows: number;
  readonly focusFind: () => void;
  readonly focusLayers: () => void;
  readonly toggleHelp: () => void;
  readonly helpShown: boolean;
}

/** Keys of the rows, only while they have focus. What is used goes no further: Grafana binds single letters too. */
export function onWaterfallKey(event: KeyboardEvent, targets: KeyTargets): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (!act(event.key, targets)) return;
  event.preventDefault();
  event.stopPropagation();
}

function act(key: string, targets: KeyTargets): boolean {
  const { waterfall, pageRows } = targets;
  const { selectedRow, built } = waterfall;
  const row = built.rows[selectedRow];
  switch (key) {
    case 'j':
    case 'ArrowDown':
      waterfall.selectIndex(selectedRow + 1);
      return true;
    case 'k':
    case 'ArrowUp':
      waterfall.selectIndex(Math.max(0, selectedRow - 1));
      return true;
    case 'PageDown':
      waterfall.selectIndex(selectedRow + pageRows);
      return true;
    case 'PageUp':
      waterfall.selectIndex(Math.max(0, selectedRow - pageRows));
      return true;
    case 'Home':
      waterfall.selectIndex(0);
      return true;
    case 'End':
      waterfall.selectIndex(built.rows.length - 1);
      return true;
    case 'ArrowRight':
      if (row) goIn(waterfall, row);
      return true;
    case 'ArrowLeft':
      if (row) goOut(waterfall, row);
      return true;
    case 'n':
    case 'N':
      waterfall.stepError(key === 'n' ? 1 : -1);
      return true;
    case 'o':
    case 'Enter':
      if (row) waterfall.open(row);
      return true;
    case 'f': {
      const range = row && rangeOfRow(waterfall.model, row);
      if (range) waterfall.zoomTo(range);
      return true;
    }
    case '[':
    case ']':
      waterfall.pan(key === ']' ? 0.5 : -0.5);
      return true;
    case 'l':
      targets.focusLayers();
      return true;
    case '/':
      targets.focusFind();
      return true;
    case '?':
      targets.toggleHelp();
      return true;
    case 'Escape':
      return back(targets);
    default:
      return false;
  }
}

function goIn(waterfall: Waterfall, row: WaterfallRow): void {
  const { built, selectedRow } = waterfall;
  if ('expanded' in row && !row.expanded && (row.kind !== 'span' || row.expandable)) waterfall.toggle(row, true);
  else if (built.rows[selectedRow + 1]?.parentRow === selectedRow) waterfall.selectIndex(selectedRow + 1);
}

function goOut(waterfall: Waterfall, row: WaterfallRow): void {
  if ('expanded' in row && row.expanded) waterfall.toggle(row, false);
  else if (row.parentRow >= 0) waterfall.selectIndex(row.parentRow);
}

/** One level: the help, the drawer, the zoom, the search. With none left, Escape is someone else's. */
function back({ waterfall, helpShown, toggleHelp }: KeyTargets): boolean {
  if (helpShown) toggleHelp();
  else if (waterfall.openSpan !== undefined) waterfall.closeDrawer();
  else if (waterfall.zoomBack()) return true;
  else if (waterfall.query !== '') waterfall.setQuery('');
  else return false;
  return true;
}
