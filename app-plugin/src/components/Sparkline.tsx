import { useTheme2 } from '@grafana/ui';

interface SparklineProps {
  /** Evenly spaced; null where there was nothing. */
  readonly values: readonly (number | null)[];
  readonly tone: 'neutral' | 'failing' | 'slow';
  readonly label: string;
}

const WIDTH = 64;
const HEIGHT = 18;

/** A curve without axes, from zero up: its shape is the message, the figure stands beside it. */
export function Sparkline({ values, tone, label }: SparklineProps) {
  const theme = useTheme2();
  const most = Math.max(...values.map((value) => value ?? 0), 0);
  const colours = {
    neutral: theme.colors.text.secondary,
    failing: theme.colors.error.text,
    slow: theme.colors.warning.text,
  };
  const colour = colours[tone];
  const x = (index: number) => (values.length < 2 ? 0 : (index / (values.length - 1)) * WIDTH);
  const y = (value: number) => HEIGHT - 1.5 - (most === 0 ? 0 : (value / most) * (HEIGHT - 3));
  const runs: string[] = [];
  let isDown = false;
  values.forEach((value, index) => {
    if (value === null) isDown = false;
    else {
      runs.push(`${isDown ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`);
      isDown = true;
    }
  });
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={label} style={{ display: 'block' }}>
      <path d={runs.join('')} fill="none" stroke={colour} strokeWidth={1.25} />
    </svg>
  );
}
