import { type DataFrame, type GrafanaTheme2, LoadingState, type PanelData } from '@grafana/data';
import { css } from '@emotion/css';
import { Alert, Button, EmptyState, LoadingBar, useStyles2 } from '@grafana/ui';
import { type ReactNode } from 'react';

/** What came, also while it is read anew; undefined before the first answer. */
export function answered(data: PanelData | undefined): DataFrame[] | undefined {
  if (!data || (data.series.length === 0 && data.state !== LoadingState.Done)) return undefined;
  return data.series;
}

interface DataStateProps {
  readonly data: PanelData | undefined;
  /** What is being read, in a few words. */
  readonly awaited: string;
  readonly isEmpty: boolean;
  readonly empty: ReactNode;
  readonly onRetry: () => void;
  readonly children: ReactNode;
}

/**
 * Loading says what is awaited; an error says what failed and leaves the last answer in place; empty says what to do;
 * partial says what is missing.
 */
export function DataState({ data, awaited, isEmpty, empty, onRetry, children }: DataStateProps) {
  const styles = useStyles2(getStyles);
  const isLoading = !data || data.state === LoadingState.Loading || data.state === LoadingState.NotStarted;
  const hasData = data !== undefined && data.series.length > 0;
  const notices = [...new Set(data?.series.flatMap(({ meta }) => meta?.notices ?? []).map(({ text }) => text))];
  return (
    <>
      {isLoading && (
        <div className={styles.bar}>
          <LoadingBar width={200} ariaLabel={`Reading ${awaited}`} />
        </div>
      )}
      {data?.error && (
        <Alert severity="error" title={data.error.message ?? 'The query failed'} bottomSpacing={0}>
          <p>{hasData ? 'Below is the last answer.' : 'Nothing could be read.'}</p>
          <Button size="sm" variant="secondary" onClick={onRetry}>
            Try again
          </Button>
        </Alert>
      )}
      {notices.length > 0 && <p className={styles.notice}>{notices.join(' ')}</p>}
      {hasData && !isEmpty ? (
        children
      ) : isLoading ? (
        <p className={styles.notice}>{`Reading ${awaited} …`}</p>
      ) : (
        !data.error && empty
      )}
    </>
  );
}

interface NothingProps {
  readonly message: string;
  readonly children?: ReactNode;
}

export function Nothing({ message, children }: NothingProps) {
  return (
    <EmptyState variant="not-found" message={message} hideImage>
      {children}
    </EmptyState>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  bar: css({ position: 'absolute', left: 0, right: 0, top: 0, height: 2, overflow: 'hidden' }),
  notice: css({ margin: 0, color: theme.colors.text.secondary, fontSize: 12 }),
});
