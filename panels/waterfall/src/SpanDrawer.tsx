import { css, cx } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';
import { Icon, IconButton, useStyles2 } from '@grafana/ui';
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import {
  attributeGroups,
  directionText,
  evidenceText,
  formatDuration,
  placeWords,
  probabilityText,
  type SpanDetail,
  spanAsText,
  spanDetail,
  spanSummary,
  type TraceModel,
  valueOf,
  waySegments,
} from '@throughline/viz';

export interface SpanDrawerProps {
  readonly model: TraceModel;
  readonly span: number;
  readonly colourOf: (service: string) => string;
  /** Set where there is no room at the side: a sheet from below, this high. */
  readonly sheetHeight: number | undefined;
  readonly onClose: () => void;
  readonly onSpan: (span: number) => void;
}

const STATEMENT_KEYS = [
  'db.query.text',
  'db.statement',
  'db.query.summary',
  'throughline.target',
  'url.full',
  'http.url',
];

export function SpanDrawer({ model, span, colourOf, sheetHeight, onClose, onSpan }: SpanDrawerProps) {
  const sheet = sheetHeight !== undefined;
  const styles = useStyles2(getStyles);
  const detail = useMemo(() => spanDetail(model, span), [model, span]);
  const drawer = useRef<HTMLElement>(null);
  const service = model.services[model.service[span]!]!;
  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === 'Escape') onClose();
  };
  useEffect(() => {
    drawer.current?.scrollTo?.({ top: 0 });
  }, [span]);
  return (
    <aside
      ref={drawer}
      className={cx(styles.drawer, sheet && styles.sheet)}
      style={{ height: sheetHeight }}
      aria-label={`Span ${model.names[model.name[span]!]}`}
      onKeyDown={onKeyDown}
      data-testid="waterfall-drawer"
    >
      {sheet && <span className={styles.grip} />}
      <div className={styles.head}>
        <div className={styles.title}>
          <h3>{model.names[model.name[span]!]}</h3>
          <span className={styles.swatch} style={{ background: colourOf(service) }} />
          <span className={styles.secondary}>{service}</span>
          <b>{formatDuration(model.durationsNs[span])}</b>
          <IconButton name="times" aria-label="Close" tooltip="Close, Esc" onClick={onClose} />
        </div>
        <p>{spanSummary(model, span)}</p>
      </div>
      {detail.warnings.length > 0 && (
        <ul className={styles.warnings}>
          {detail.warnings.map((warning) => (
            <li key={warning}>
              <Icon name="exclamation-triangle" size="sm" /> {warning}
            </li>
          ))}
        </ul>
      )}
      <Hops model={model} span={span} />
      <Why {...{ model, span, detail, onSpan }} />
      <Statement detail={detail} />
      <Events detail={detail} startNs={model.startNs[span]!} />
      <References {...{ model, detail, onSpan }} />
      <Attributes model={model} span={span} />
    </aside>
  );
}

interface SectionProps {
  readonly title: string;
  readonly about?: string;
  readonly action?: ReactNode;
  readonly children: ReactNode;
}

function Section({ title, about, action, children }: SectionProps) {
  const styles = useStyles2(getStyles);
  return (
    <section className={styles.section}>
      <h4>
        {title} {about && <span className={styles.secondary}>{about}</span>}
        <span className={styles.push}>{action}</span>
      </h4>
      {children}
    </section>
  );
}

function Hops({ model, span }: { readonly model: TraceModel; readonly span: number }) {
  const styles = useStyles2(getStyles);
  const points = model.hops.get(span) ?? [];
  const segments = waySegments(points);
  if (points.length < 2) return null;
  const hosts = new Set(points.map(({ host }) => host)).size;
  return (
    <Section title="Hops" about={`request ↓ and answer ↑, ${hosts === 1 ? 'one host' : `${hosts} hosts`}`}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>Where</th>
            <th>Between</th>
            <th className={styles.number}>↓</th>
            <th className={styles.number}>↑</th>
            <th className={styles.number}>Both</th>
          </tr>
        </thead>
        <tbody>
          {segments.map(({ place, label, host, request, response, bothNs, retransmissions }, index) => (
            <tr key={index}>
              <td title={host}>{placeWords(place)}</td>
              <td className={styles.secondary} title={`${label} on ${host}`}>
                {label}
                {retransmissions > 0 && (
                  <span className={styles.warning}>
                    {' '}
                    <Icon name="exclamation-triangle" size="xs" /> sent again {retransmissions}×
                  </span>
                )}
              </td>
              <td className={styles.number}>{request.ns === undefined ? '' : directionText(request)}</td>
              <td className={styles.number}>{response.ns === undefined ? '' : directionText(response)}</td>
              <td className={styles.number}>{formatDuration(bothNs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

interface WhyProps {
  readonly model: TraceModel;
  readonly span: number;
  readonly detail: SpanDetail;
  readonly onSpan: (span: number) => void;
}

function Why({ model, span, detail, onSpan }: WhyProps) {
  const styles = useStyles2(getStyles);
  const { link } = detail;
  const parent = model.parent[span]!;
  if (link === undefined) {
    if (parent === -1 && model.missingParent[span] === 0) return null;
    const why =
      parent === -1
        ? 'It names a parent that is not in this trace.'
        : 'Its SDK named the parent; nothing else was compared.';
    return (
      <Section title="Why joined">
        <div className={styles.secondary}>{why}</div>
      </Section>
    );
  }
  const parentText = parent === -1 ? 'no parent' : model.names[model.name[parent]!]!;
  return (
    <Section title="Why joined" about="evidence and probability">
      <Probability value={link.probability}>
        <div>
          {evidenceText(link.evidence)}: {parentText} → this
        </div>
        {link.reason !== '' && <div className={styles.secondary}>{link.reason}</div>}
      </Probability>
      {link.alternatives.map(({ spanId, probability }) => {
        const other = model.spanIds.indexOf(spanId);
        return (
          <Probability key={spanId} value={probability}>
            {other === -1 ? (
              <span className={styles.secondary}>Could be another request: {spanId}</span>
            ) : (
              <button type="button" className={styles.link} onClick={() => onSpan(other)}>
                Could be {model.names[model.name[other]!]}
              </button>
            )}
          </Probability>
        );
      })}
    </Section>
  );
}

function Probability({ value, children }: { readonly value: number; readonly children: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.probability}>
      <b>{probabilityText(value)}</b>
      <span className={styles.meter}>
        <span style={{ width: `${Number.isNaN(value) ? 0 : value * 100}%` }} />
      </span>
      <div>{children}</div>
    </div>
  );
}

function Statement({ detail }: { readonly detail: SpanDetail }) {
  const styles = useStyles2(getStyles);
  const key = STATEMENT_KEYS.find((each) => typeof valueOf(detail.attributes, each) === 'string');
  if (key === undefined) return null;
  return (
    <Section title={key.startsWith('db.') ? 'Statement' : 'Target'} about={key}>
      <pre className={styles.statement}>{String(valueOf(detail.attributes, key))}</pre>
    </Section>
  );
}

function Events({ detail, startNs }: { readonly detail: SpanDetail; readonly startNs: number }) {
  const styles = useStyles2(getStyles);
  if (detail.events.length === 0) return null;
  return (
    <Section title="Events" about={String(detail.events.length)}>
      {detail.events.map(({ atNs, name, fields }, index) => (
        <details key={index} className={styles.event}>
          <summary>
            <span className={styles.number}>+{formatDuration(Math.max(0, atNs - startNs))}</span> {name}
          </summary>
          <Pairs pairs={fields.map(({ key, value }) => ({ key, value: String(value) }))} />
        </details>
      ))}
    </Section>
  );
}

interface ReferencesProps {
  readonly model: TraceModel;
  readonly detail: SpanDetail;
  readonly onSpan: (span: number) => void;
}

function References({ model, detail, onSpan }: ReferencesProps) {
  const styles = useStyles2(getStyles);
  if (detail.references.length === 0) return null;
  return (
    <Section title="Links">
      {detail.references.map(({ traceId, spanId }) => {
        const other = model.spanIds.indexOf(spanId);
        return other === -1 ? (
          <div key={`${traceId}/${spanId}`} className={styles.secondary}>
            trace {traceId}, span {spanId}
          </div>
        ) : (
          <button key={`${traceId}/${spanId}`} type="button" className={styles.link} onClick={() => onSpan(other)}>
            {model.names[model.name[other]!]}
          </button>
        );
      })}
    </Section>
  );
}

function Attributes({ model, span }: { readonly model: TraceModel; readonly span: number }) {
  const styles = useStyles2(getStyles);
  const groups = useMemo(() => attributeGroups(model, span), [model, span]);
  const count = groups.reduce((sum, { pairs }) => sum + pairs.length, 0);
  return (
    <Section title="Attributes" about={`${count}, by meaning`} action={<CopyAsText model={model} span={span} />}>
      {groups.map(({ title, pairs }) => (
        <div key={title}>
          <h5 className={styles.secondary}>{title}</h5>
          <Pairs pairs={pairs} />
        </div>
      ))}
    </Section>
  );
}

function Pairs({ pairs }: { readonly pairs: readonly { readonly key: string; readonly value: string }[] }) {
  const styles = useStyles2(getStyles);
  return (
    <dl className={styles.pairs}>
      {pairs.map(({ key, value }, index) => (
        <div key={`${key} ${index}`}>
          <dt title={key}>{key}</dt>
          <dd title={value}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function CopyAsText({ model, span }: { readonly model: TraceModel; readonly span: number }) {
  const styles = useStyles2(getStyles);
  const [said, setSaid] = useState('');
  useEffect(() => setSaid(''), [span]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(spanAsText(model, span));
      setSaid('copied');
    } catch {
      // Browsers give the clipboard to pages over HTTPS only.
      setSaid('the browser refused');
    }
  };
  return (
    <>
      <span role="status" className={styles.secondary}>
        {said}
      </span>{' '}
      <button type="button" className={styles.link} onClick={() => void copy()}>
        copy as text
      </button>
    </>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  drawer: css({
    flex: '0 0 400px',
    minWidth: 0,
    overflow: 'auto',
    borderLeft: `1px solid ${theme.colors.border.weak}`,
    background: theme.colors.background.primary,
    fontSize: theme.typography.bodySmall.fontSize,
    lineHeight: '18px',
    overflowWrap: 'anywhere',
    'h3, h4, h5, p': { margin: 0 },
  }),
  sheet: css({
    position: 'absolute',
    left: 0,
    right: 0,
    bottom: 0,
    zIndex: 2,
    borderLeft: 0,
    borderTop: `1px solid ${theme.colors.border.medium}`,
    borderRadius: '10px 10px 0 0',
    background: theme.colors.background.secondary,
    boxShadow: theme.shadows.z3,
  }),
  grip: css({
    display: 'block',
    width: 36,
    height: 4,
    margin: '6px auto 0',
    borderRadius: 2,
    background: theme.colors.border.strong,
  }),
  head: css({ padding: '8px 14px 7px' }),
  title: css({
    display: 'flex',
    alignItems: 'center',
    gap: 6,
    h3: {
      fontSize: 14,
      lineHeight: '20px',
      fontWeight: theme.typography.fontWeightMedium,
      flex: '0 1 auto',
      overflow: 'hidden',
      textOverflow: 'ellipsis',
      whiteSpace: 'nowrap',
    },
    b: {
      marginLeft: 'auto',
      whiteSpace: 'nowrap',
      fontWeight: theme.typography.fontWeightMedium,
      fontVariantNumeric: 'tabular-nums',
    },
  }),
  swatch: css({ width: 8, height: 8, borderRadius: 2, flex: 'none' }),
  secondary: css({ color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular }),
  warning: css({ color: theme.colors.warning.text, whiteSpace: 'nowrap' }),
  warnings: css({
    margin: '0 14px 6px',
    padding: '4px 8px',
    listStyle: 'none',
    color: theme.colors.warning.text,
    background: theme.colors.warning.transparent,
    borderRadius: theme.shape.radius.default,
  }),
  section: css({
    padding: '6px 14px 7px',
    borderTop: `1px solid ${theme.colors.border.weak}`,
    h4: {
      display: 'flex',
      gap: 6,
      marginBottom: 2,
      fontSize: 12,
      lineHeight: '18px',
      fontWeight: theme.typography.fontWeightMedium,
    },
    h5: { marginTop: 4, fontSize: 11, lineHeight: '16px' },
  }),
  push: css({ marginLeft: 'auto' }),
  table: css({
    width: '100%',
    tableLayout: 'auto',
    th: { fontWeight: theme.typography.fontWeightRegular, color: theme.colors.text.secondary, fontSize: 11 },
    'td, th': { padding: '0 6px 0 0', verticalAlign: 'top' },
    'td:last-child, th:last-child': { paddingRight: 0 },
    'td:first-child': { whiteSpace: 'nowrap' },
  }),
  number: css({ textAlign: 'right', whiteSpace: 'nowrap', fontVariantNumeric: 'tabular-nums' }),
  probability: css({
    display: 'flex',
    alignItems: 'baseline',
    gap: 6,
    '& > b': { flex: '0 0 28px', fontWeight: theme.typography.fontWeightMedium, fontVariantNumeric: 'tabular-nums' },
    '& > div': { minWidth: 0 },
  }),
  meter: css({
    flex: '0 0 34px',
    height: 6,
    borderRadius: 2,
    overflow: 'hidden',
    background: theme.colors.action.selected,
    '& > span': { display: 'block', height: '100%', background: theme.colors.primary.border },
  }),
  statement: css({
    margin: 0,
    padding: '4px 6px',
    fontSize: 11,
    lineHeight: '16px',
    maxHeight: 160,
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
  }),
  event: css({ summary: { cursor: 'pointer' } }),
  pairs: css({
    margin: 0,
    '& > div': { display: 'flex', gap: 8 },
    dt: {
      flex: '0 0 45%',
      overflow: 'hidden',
      textOverflow: 'ellipsis',
      whiteSpace: 'nowrap',
      color: theme.colors.text.secondary,
      fontWeight: theme.typography.fontWeightRegular,
    },
    dd: { flex: 1, minWidth: 0, margin: 0 },
  }),
  link: css({
    padding: 0,
    border: 0,
    background: 'none',
    color: theme.colors.text.link,
    textAlign: 'left',
    '&:hover': { textDecoration: 'underline' },
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.border}` },
  }),
});
