import { type Field, type LinkModel } from '@grafana/data';
import { Button, IconButton, LinkButton } from '@grafana/ui';
import {
  byHarm,
  type EdgeState,
  formatCount,
  formatDuration,
  formatFactor,
  formatRate,
  formatShare,
  isSeenByBoth,
  KIND_NAMES,
  plural,
  type TopologyEdge,
  type TopologyGraph,
  type TopologyNode,
} from '@throughline/viz';
import { type MouseEvent, type ReactNode } from 'react';
import { type AppLinks, followInApp, hrefOf } from './appLinks.ts';
import { type EdgeRow } from './mapFrames.ts';
import { StateMark } from './StateMark.tsx';
import { type TopologyStyles } from './styles.ts';

interface CommonProps {
  readonly styles: TopologyStyles;
  readonly isBelow: boolean;
  readonly graph: TopologyGraph;
  readonly links: AppLinks;
  readonly dataLinks: readonly LinkModel<Field>[];
  readonly onSelect: (id: string) => void;
  readonly onFocus: () => void;
  readonly onClose: () => void;
}

interface NodePanelProps extends CommonProps {
  readonly node: TopologyNode;
  readonly state: EdgeState;
  readonly isPinned: boolean;
  readonly onUnpin: () => void;
  readonly onOpenGroup: () => void;
}

export function NodePanel(props: NodePanelProps) {
  const { node, state, graph, styles, links, isPinned, onUnpin, onOpenGroup, onFocus } = props;
  const incoming = graph.edges.filter(({ target }) => target === node.id).sort(byHarm);
  const outgoing = graph.edges.filter(({ source }) => source === node.id).sort(byHarm);
  const isGroup = node.kind === 'group';
  return (
    <Frame {...props} title={node.name} kind={KIND_NAMES[node.kind]} label={`Service ${node.name}`}>
      <div className={`${styles.verdict} ${verdictClass(styles, state)}`}>
        <StateMark state={state} size={14} />
        <span>{nodeVerdict(node, state, incoming)}</span>
      </div>
      <table className={styles.table} style={{ marginTop: 8 }}>
        <tbody>
          <Row name="Calls that arrived" value={node.rate === null ? 'none' : formatRate(node.rate)} />
          <Row name="Failed" value={node.rate === null ? '–' : formatShare(node.errorShare)} />
          <Row name="p95" value={formatDuration(node.p95)} />
          <Row
            name="In the time range"
            value={`${plural(node.requests, 'call')}, ${formatCount(node.errors)} failed`}
          />
        </tbody>
      </table>
      <EdgeList {...props} title={`Called by ${incoming.length}`} edges={incoming} end="source" />
      <EdgeList {...props} title={`Calls ${outgoing.length}`} edges={outgoing} end="target" />
      <div className={styles.actions}>
        {!isGroup && <AppButton url={links.service(node.id)} text="Service" primary />}
        {!isGroup && (
          <AppButton url={links.tracesOfService(node.id, state === 'failing')} text={tracesText(state === 'failing')} />
        )}
        {isGroup && (
          <Button size="sm" onClick={onOpenGroup}>
            Open group
          </Button>
        )}
        <Button size="sm" variant="secondary" onClick={onFocus} tooltip="Only what leads here and what it leads to (f)">
          Focus path
        </Button>
        {isPinned && (
          <Button size="sm" variant="secondary" onClick={onUnpin}>
            Unpin
          </Button>
        )}
        <DataLinks links={props.dataLinks} without="/throughline-app/service" />
      </div>
    </Frame>
  );
}

interface EdgePanelProps extends CommonProps {
  readonly edge: TopologyEdge;
  readonly row: EdgeRow | undefined;
}

export function EdgePanel(props: EdgePanelProps) {
  const { edge, row, graph, styles, links, onFocus } = props;
  const nameOf = (id: string): string => graph.nodes.find((node) => node.id === id)?.name ?? id;
  const isFailing = edge.bad === 'failing';
  const isOfGroup = row === undefined;
  return (
    <Frame
      {...props}
      title={`${nameOf(edge.source)} → ${nameOf(edge.target)}`}
      kind={edge.protocols || 'calls'}
      label={`Calls from ${nameOf(edge.source)} to ${nameOf(edge.target)}`}
    >
      <div className={`${styles.verdict} ${verdictClass(styles, edge.bad)}`}>
        <StateMark state={edge.bad} size={14} />
        <span>{edgeVerdict(edge, nameOf)}</span>
      </div>
      {row && (row.detail__client_requests !== null || row.detail__server_requests !== null) ? (
        <>
          <table className={styles.table} style={{ marginTop: 8 }}>
            <thead>
              <tr>
                <td />
                <th scope="col">Client’s view</th>
                <th scope="col">Server’s view</th>
              </tr>
            </thead>
            <tbody>
              <Row name="Calls" value={rateOf(row.detail__client_rate)} second={rateOf(row.detail__server_rate)} />
              <Row
                name="Failed"
                value={shareOf(row.detail__client_errors, row.detail__client_requests)}
                second={shareOf(row.detail__server_errors, row.detail__server_requests)}
              />
              <Row
                name="p95"
                value={formatDuration(row.detail__client_p95)}
                second={formatDuration(row.detail__server_p95)}
              />
              <Row
                name="Calls in the range"
                value={formatCount(row.detail__client_requests)}
                second={formatCount(row.detail__server_requests)}
              />
            </tbody>
          </table>
          {!isSeenByBoth(edge) && <p className={styles.sideKind}>{`Seen by the ${edge.evidence} only.`}</p>}
        </>
      ) : (
        <table className={styles.table} style={{ marginTop: 8 }}>
          <tbody>
            <Row name="Calls" value={formatRate(edge.rate)} />
            <Row name="Failed" value={formatShare(edge.errorShare)} />
            <Row name={isOfGroup ? 'p95, the largest of its edges' : 'p95'} value={formatDuration(edge.p95)} />
          </tbody>
        </table>
      )}
      <div className={styles.actions}>
        {!isOfGroup && <AppButton url={links.edge(edge.source, edge.target)} text="Explain this edge" primary />}
        {!isOfGroup && (
          <AppButton url={links.tracesOfEdge(edge.source, edge.target, isFailing)} text={tracesText(isFailing)} />
        )}
        <Button size="sm" variant="secondary" onClick={onFocus} tooltip="Only what leads here and what it leads to (f)">
          Focus path
        </Button>
        <DataLinks links={props.dataLinks} without="/throughline-app/edge" />
      </div>
      <EdgeEnds {...props} nameOf={nameOf} />
    </Frame>
  );
}

function EdgeEnds({ edge, styles, onSelect, nameOf }: EdgePanelProps & { readonly nameOf: (id: string) => string }) {
  return (
    <>
      <h4 className={styles.section}>Ends</h4>
      <ul className={styles.list}>
        {[edge.source, edge.target].map((id, index) => (
          <li key={index}>
            <button type="button" className={styles.row} onClick={() => onSelect(id)}>
              <span className={styles.rowName}>{nameOf(id)}</span>
              <span className={styles.rowFigures}>{index === 0 ? 'caller' : 'callee'}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

const MOST_ROWS = 12;

interface EdgeListProps extends CommonProps {
  readonly title: string;
  readonly edges: readonly TopologyEdge[];
  readonly end: 'source' | 'target';
}

function EdgeList({ title, edges, end, graph, styles, onSelect }: EdgeListProps) {
  if (edges.length === 0) return null;
  const names = new Map(graph.nodes.map(({ id, name }) => [id, name]));
  return (
    <>
      <h4 className={styles.section}>{title}</h4>
      <ul className={styles.list}>
        {edges.slice(0, MOST_ROWS).map((edge) => (
          <li key={edge.id}>
            <button type="button" className={styles.row} onClick={() => onSelect(edge.id)}>
              <StateMark state={edge.bad} />
              <span className={styles.rowName}>{names.get(edge[end]) ?? edge[end]}</span>
              <span className={styles.rowFigures}>
                {[formatRate(edge.rate), edge.errorShare > 0 && formatShare(edge.errorShare)]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {edges.length > MOST_ROWS && <p className={styles.sideKind}>and {edges.length - MOST_ROWS} more</p>}
    </>
  );
}

interface FrameProps extends CommonProps {
  readonly title: string;
  readonly kind: string;
  readonly label: string;
  readonly children: ReactNode;
}

function Frame({ title, kind, label, styles, isBelow, onClose, children }: FrameProps) {
  return (
    <aside className={`${styles.side} ${isBelow ? styles.sideBelow : ''}`} aria-label={label} data-testid="side-panel">
      <div className={styles.sideHead}>
        <div className={styles.grow}>
          <h3 className={styles.sideTitle}>{title}</h3>
          <span className={styles.sideKind}>{kind}</span>
        </div>
        <IconButton name="times" size="lg" tooltip="Close (Esc)" aria-label="Close" onClick={onClose} />
      </div>
      {children}
    </aside>
  );
}

function Row({ name, value, second }: { readonly name: string; readonly value: string; readonly second?: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{value}</td>
      {second !== undefined && <td>{second}</td>}
    </tr>
  );
}

function AppButton({
  url,
  text,
  primary,
}: {
  readonly url: string;
  readonly text: string;
  readonly primary?: boolean;
}) {
  return (
    <LinkButton
      size="sm"
      variant={primary ? 'primary' : 'secondary'}
      href={hrefOf(url)}
      onClick={(event: MouseEvent) => followInApp(url, event)}
    >
      {text}
    </LinkButton>
  );
}

function DataLinks({ links, without }: { readonly links: readonly LinkModel<Field>[]; readonly without: string }) {
  return links
    .filter(({ href }) => !href.includes(without))
    .map((link) => (
      <LinkButton
        key={`${link.title} ${link.href}`}
        size="sm"
        variant="secondary"
        href={link.href}
        target={link.target}
        onClick={(event: MouseEvent) => link.onClick?.(event)}
      >
        {link.title}
      </LinkButton>
    ));
}

function tracesText(onlyFailed: boolean): string {
  return onlyFailed ? 'Failed traces' : 'Traces';
}

function rateOf(rate: number | null): string {
  return rate === null ? 'not seen' : formatRate(rate);
}

function shareOf(errors: number | null, requests: number | null): string {
  return requests ? formatShare((errors ?? 0) / requests) : '–';
}

function verdictClass(styles: TopologyStyles, state: EdgeState): string {
  return { failing: styles.verdictFailing, slow: styles.verdictSlow, ok: styles.verdictOk }[state];
}

function nodeVerdict(node: TopologyNode, state: EdgeState, incoming: readonly TopologyEdge[]): string {
  if (state === 'failing') return `${formatShare(node.errorShare)} of what arrives here fails.`;
  if (state === 'slow') {
    const slow = incoming.filter(({ bad }) => bad === 'slow').length;
    return `Slower than before for ${plural(slow, 'caller')}.`;
  }
  return node.rate === null ? 'Nothing arrives here: it only calls.' : 'Answers as usual.';
}

function edgeVerdict(edge: TopologyEdge, nameOf: (id: string) => string): string {
  const failed = `${formatShare(edge.errorShare)} of these calls fail`;
  if (edge.origin) return `${failed}, and nothing that ${nameOf(edge.target)} calls does: failures begin here.`;
  if (edge.bad === 'failing') return `${failed}. ${nameOf(edge.target)} passes on failures of what it calls.`;
  if (edge.bad === 'slow') {
    const factor = formatFactor(edge.p95, edge.p95Before);
    return `p95 is ${formatDuration(edge.p95)}${factor ? `, ${factor} what it was before` : ''}.`;
  }
  return edge.errorShare > 0 ? `${failed}: below the threshold.` : 'No call failed.';
}
