import { cx } from '@emotion/css';
import { useStyles2 } from '@grafana/ui';
import { type ReactNode } from 'react';
import { getPageStyles } from './styles.ts';

interface BoxProps {
  readonly title: string;
  readonly hint?: ReactNode;
  readonly actions?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

export function Box({ title, hint, actions, className, children }: BoxProps) {
  const styles = useStyles2(getPageStyles);
  return (
    <section className={cx(styles.box, className)} aria-label={title}>
      <div className={styles.boxHead}>
        <h2>{title}</h2>
        {hint !== undefined && <span>{hint}</span>}
        {actions}
      </div>
      {children}
    </section>
  );
}
