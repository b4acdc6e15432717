import { useTheme2 } from '@grafana/ui';
import { formatShare, HEALTH } from '@throughline/viz';
import { type ReactNode } from 'react';
import { StateMark } from './StateMark.tsx';
import { type TopologyStyles } from './styles.ts';

/** What lines and rings mean, with the thresholds in force. */
export function Legend({ styles, hasBefore }: { readonly styles: TopologyStyles; readonly hasBefore: boolean }) {
  const { colors } = useTheme2();
  const mark = colors.text.secondary;
  const sample = (drawing: ReactNode) => (
    <svg width="28" height="14" viewBox="0 0 28 14" aria-hidden="true">
      {drawing}
    </svg>
  );
  return (
    <div className={styles.legend} aria-label="Legend">
      <span>
        {sample(<path d="M1 7H27" stroke={colors.error.text} strokeWidth="2.5" />)}
        <StateMark state="failing" size={11} />
        failing, &gt; {formatShare(HEALTH.failingShare)} of calls
      </span>
      {hasBefore && (
        <span>
          {sample(<path d="M1 7H27" stroke={colors.warning.text} strokeWidth="2.5" />)}
          <StateMark state="slow" size={11} />
          slow, p95 &gt; {HEALTH.slowFactor}× before
        </span>
      )}
      <span>
        {sample(
          <>
            <path d="M1 4H27" stroke={mark} strokeWidth="1.2" />
            <path d="M1 10H27" stroke={mark} strokeWidth="4" />
          </>
        )}
        ok, wider = more calls
      </span>
      <span>
        {sample(<path d="M1 7H27" stroke={mark} strokeWidth="2" strokeDasharray="5 4" />)}
        seen by one side only
      </span>
      <span>
        {sample(
          <>
            <circle cx="14" cy="7" r="5.5" fill="none" stroke={mark} strokeWidth="1.5" />
            <path d="M14 1.5a5.5 5.5 0 0 1 5.3 4" fill="none" stroke={colors.error.text} strokeWidth="3.5" />
          </>
        )}
        share failed
      </span>
      <span>
        {sample(<circle cx="14" cy="7" r="5.5" fill="none" stroke={mark} strokeWidth="1.5" strokeDasharray="2.6 2" />)}
        no agent
      </span>
    </div>
  );
}
