import {
  dateTimeFormat,
  type DataFrame,
  type Field,
  FieldType,
  formattedValueToString,
  getFieldDisplayName,
  getFieldSeriesColor,
  type GrafanaTheme2,
  type LinkModel,
  type PanelProps,
} from '@grafana/data';
import { locationService } from '@grafana/runtime';
import { css } from '@emotion/css';
import {
  SeriesTable,
  TimeSeries,
  TooltipPlugin2,
  useStyles2,
  useTheme2,
  type VizLegendOptions,
  ZoomPlugin,
} from '@grafana/ui';

interface Options {
  readonly legend: VizLegendOptions;
}

const HOVER_X_ALL = 1 as never;

/** Lines, zoom by dragging, a tooltip that a click pins with the links of the point, exemplars as diamonds. */
export function TimeSeriesPanel({
  data,
  width,
  height,
  timeRange,
  timeZone,
  options,
  onChangeTimeRange,
}: PanelProps<Options>) {
  const frames = data.series.filter(
    ({ fields }) => fields.some(({ type }) => type === FieldType.time) && fields.length > 1
  );
  const styles = useStyles2(getStyles);
  if (frames.length === 0) return <div className={styles.empty}>No data in this time range</div>;
  const legend = options.legend ?? { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] };
  return (
    <TimeSeries
      frames={frames}
      {...(data.structureRev !== undefined && { structureRev: data.structureRev })}
      width={width}
      height={height}
      timeRange={timeRange}
      timeZone={timeZone}
      legend={legend}
    >
      {(config, aligned) => (
        <>
          <ZoomPlugin config={config} onZoom={onChangeTimeRange} />
          <TooltipPlugin2
            config={config}
            hoverMode={HOVER_X_ALL}
            clientZoom={false}
            render={(_plot, indexes, seriesIndex, isPinned) => (
              <PointTooltip
                frame={aligned}
                indexes={indexes}
                seriesIndex={seriesIndex}
                isPinned={isPinned}
                timeZone={timeZone}
              />
            )}
          />
        </>
      )}
    </TimeSeries>
  );
}

interface PointTooltipProps {
  readonly frame: DataFrame;
  readonly indexes: readonly (number | null)[];
  readonly seriesIndex: number | null | undefined;
  readonly isPinned: boolean;
  readonly timeZone: string;
}

function PointTooltip({ frame, indexes, seriesIndex, isPinned, timeZone }: PointTooltipProps) {
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const [time, ...series] = frame.fields;
  const timeIndex = indexes.find((index) => index !== null) ?? 0;
  const picked = seriesIndex === null || seriesIndex === undefined ? undefined : frame.fields[seriesIndex];
  const valueIndex = picked ? (indexes[seriesIndex!] ?? timeIndex) : timeIndex;
  return (
    <div className={styles.tooltip}>
      <SeriesTable
        timestamp={dateTimeFormat(time!.values[timeIndex] as number, { timeZone })}
        series={series.map((field, index) => ({
          label: getFieldDisplayName(field, frame),
          color: getFieldSeriesColor(field, theme).color,
          value: field.display ? formattedValueToString(field.display(field.values[timeIndex])) : '',
          isActive: index + 1 === seriesIndex,
        }))}
      />
      {isPinned && picked && <PointLinks links={linksOf(picked, valueIndex)} />}
      {!isPinned && <div className={styles.hint}>Click for what is behind it</div>}
    </div>
  );
}

function linksOf(field: Field, valueRowIndex: number): LinkModel<Field>[] {
  return field.getLinks?.({ valueRowIndex }) ?? [];
}

export function PointLinks({ links }: { readonly links: readonly LinkModel<Field>[] }) {
  const styles = useStyles2(getStyles);
  if (links.length === 0) return null;
  return (
    <div className={styles.links}>
      {links.map((link) => (
        <a
          key={link.title}
          href={link.href}
          onClick={(event) => {
            if (link.onClick) link.onClick(event);
            else if (link.href.startsWith('/') && !event.ctrlKey && !event.metaKey) {
              event.preventDefault();
              locationService.push(link.href);
            }
          }}
        >
          {link.title}
        </a>
      ))}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  empty: css({ display: 'grid', placeItems: 'center', height: '100%', color: theme.colors.text.secondary }),
  tooltip: css({ padding: theme.spacing(1) }),
  hint: css({ marginTop: theme.spacing(0.5), color: theme.colors.text.secondary, fontSize: 11 }),
  links: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.5),
    marginTop: theme.spacing(1),
    paddingTop: theme.spacing(1),
    borderTop: `1px solid ${theme.colors.border.weak}`,
    a: { color: theme.colors.text.link },
  }),
});
