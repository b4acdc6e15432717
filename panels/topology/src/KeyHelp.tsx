import { type TopologyStyles } from './styles.ts';

const KEYS = [
  ['/', 'find a service, Enter for the next'],
  ['j k', 'next, previous edge by harm'],
  ['n N', 'next, previous failing edge'],
  ['← ↑ → ↓', 'walk from service to service'],
  ['f', 'focus the path of what is selected'],
  ['+ -', 'depth of the focus'],
  ['l', 'what is written on edges'],
  ['o', 'open the page of what is selected'],
  ['x', 'explain the selected edge'],
  ['Esc', 'back: panel, focus, search'],
] as const;

export function KeyHelp({ styles }: { readonly styles: TopologyStyles }) {
  return (
    <div className={styles.keys} role="dialog" aria-label="Keys">
      <dl>
        {KEYS.map(([key, meaning]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>{key}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
