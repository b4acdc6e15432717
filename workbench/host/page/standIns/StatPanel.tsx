import { getFieldDisplayValues, type PanelProps } from '@grafana/data';
import { BigValue, BigValueColorMode, BigValueGraphMode, BigValueTextMode, useTheme2, VizRepeater } from '@grafana/ui';
import { VizOrientation } from '@grafana/schema';

interface Options {
  readonly reduceOptions?: { readonly calcs: string[]; readonly values?: boolean; readonly fields?: string };
}

export function StatPanel({
  data,
  width,
  height,
  fieldConfig,
  replaceVariables,
  timeZone,
  options,
}: PanelProps<Options>) {
  const theme = useTheme2();
  const getValues = () =>
    getFieldDisplayValues({
      fieldConfig,
      reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'], values: false },
      replaceVariables,
      theme,
      data: data.series,
      sparkline: true,
      timeZone,
    });
  return (
    <VizRepeater
      getValues={getValues}
      width={width}
      height={height}
      source={data}
      orientation={VizOrientation.Auto}
      renderCounter={0}
      autoGrid
      renderValue={({ value, width: valueWidth, height: valueHeight, count }) => (
        <BigValue
          value={value.display}
          {...(value.sparkline && { sparkline: value.sparkline })}
          width={valueWidth}
          height={valueHeight}
          theme={theme}
          count={count}
          colorMode={BigValueColorMode.Value}
          graphMode={BigValueGraphMode.Area}
          textMode={BigValueTextMode.Auto}
        />
      )}
    />
  );
}
