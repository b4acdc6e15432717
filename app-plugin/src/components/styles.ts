import { type GrafanaTheme2 } from '@grafana/data';
import { css } from '@emotion/css';

export const NARROW = '@media (max-width: 700px)';
export const MEDIUM = '@media (max-width: 1100px)';

/** Looks that every page shares. */
export const getPageStyles = (theme: GrafanaTheme2) => ({
  page: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(1),
    width: '100%',
    minWidth: 0,
    flexGrow: 1,
  }),
  columns: css({
    display: 'grid',
    gridTemplateColumns: 'minmax(0, 1fr) 320px',
    gap: theme.spacing(1),
    alignItems: 'start',
    [MEDIUM]: { gridTemplateColumns: 'minmax(0, 1fr)' },
  }),
  two: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(2, minmax(0, 1fr))',
    gap: theme.spacing(1),
    alignItems: 'start',
    [MEDIUM]: { gridTemplateColumns: 'minmax(0, 1fr)' },
  }),
  three: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(3, minmax(0, 1fr))',
    gap: theme.spacing(1),
    [MEDIUM]: { gridTemplateColumns: 'minmax(0, 1fr)' },
  }),
  curve: css({ height: 220, display: 'flex' }),
  column: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(1), minWidth: 0 }),
  box: css({
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    minWidth: 0,
  }),
  boxHead: css({
    display: 'flex',
    alignItems: 'baseline',
    flexWrap: 'wrap',
    gap: theme.spacing(0, 1),
    padding: theme.spacing(1, 1.5),
    h2: { fontSize: 14, fontWeight: theme.typography.fontWeightMedium, margin: 0 },
    span: { color: theme.colors.text.secondary, fontSize: 12 },
  }),
  boxBody: css({ padding: theme.spacing(0, 1.5, 1.5) }),
  scroll: css({ overflowX: 'auto' }),
  table: css({
    width: '100%',
    borderCollapse: 'collapse',
    fontSize: 13,
    fontVariantNumeric: 'tabular-nums',
    'th, td': {
      height: 30,
      padding: theme.spacing(0, 1),
      textAlign: 'left',
      whiteSpace: 'nowrap',
      borderTop: `1px solid ${theme.colors.border.weak}`,
    },
    'th:first-child, td:first-child': { paddingLeft: theme.spacing(1.5) },
    'th:last-child, td:last-child': { paddingRight: theme.spacing(1.5) },
    th: { color: theme.colors.text.secondary, fontSize: 12, fontWeight: theme.typography.fontWeightMedium },
    'tbody tr:hover': { background: theme.colors.action.hover },
    a: { color: theme.colors.text.primary, '&:hover': { textDecoration: 'underline' } },
  }),
  number: css({ 'table &&': { textAlign: 'right' } }),
  wide: css({ [NARROW]: { 'table &&': { display: 'none' } } }),
  secondary: css({ color: theme.colors.text.secondary }),
  link: css({ color: theme.colors.text.link }),
  grow: css({ 'table &&': { width: '99%', maxWidth: 0, overflow: 'hidden', textOverflow: 'ellipsis' } }),
});
