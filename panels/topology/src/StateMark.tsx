import { useTheme2 } from '@grafana/ui';
import { type EdgeState } from '@throughline/viz';

const NAMES = { failing: 'failing', slow: 'slow', ok: 'ok' } as const;

/** Shape and colour together, as on the map. */
export function StateMark({ state, size = 12 }: { readonly state: EdgeState; readonly size?: number }) {
  const { colors } = useTheme2();
  const ground = colors.background.primary;
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" role="img" aria-label={NAMES[state]}>
      {state === 'failing' && (
        <>
          <circle cx="8" cy="8" r="7" fill={colors.error.text} />
          <path d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" stroke={ground} strokeWidth="1.9" strokeLinecap="round" />
        </>
      )}
      {state === 'slow' && (
        <>
          <path d="M8 1.2 15.4 14.2H.6z" fill={colors.warning.text} />
          <path d="M8 6v3.6M8 11.6v.6" stroke={ground} strokeWidth="1.7" strokeLinecap="round" />
        </>
      )}
      {state === 'ok' && <circle cx="8" cy="8" r="3.6" fill="none" stroke={colors.text.secondary} strokeWidth="1.6" />}
    </svg>
  );
}
