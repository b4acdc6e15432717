import { type GrafanaTheme2 } from '@grafana/data';
import { assignColours, type TraceModel, type WaterfallColours } from '@throughline/viz';

/** The drawing's colours: the theme's tokens, and one hue for each service of this trace. */
export function waterfallColours(theme: GrafanaTheme2, model: TraceModel): WaterfallColours {
  const { colors, typography } = theme;
  const shown = new Set<string>();
  for (const index of model.shownService) shown.add(model.services[index]!);
  for (const points of model.hops.values()) {
    for (const { kind, point } of points) if (kind === 'process') shown.add(point);
  }
  const services = assignColours(shown, theme.isDark ? 'dark' : 'light');
  const rest = colors.text.secondary;
  return {
    background: colors.background.primary,
    elevated: colors.background.secondary,
    text: colors.text.primary,
    secondary: colors.text.secondary,
    maxContrast: colors.text.maxContrast,
    weak: colors.border.weak,
    medium: colors.border.medium,
    strong: colors.border.strong,
    mark: theme.isDark ? colors.text.disabled : colors.text.secondary,
    hover: colors.action.hover,
    selected: colors.primary.transparent,
    primary: colors.primary.border,
    error: colors.error.text,
    warning: colors.warning.text,
    onWarning: theme.isDark ? colors.background.canvas : colors.background.primary,
    fontFamily: typography.fontFamily,
    service: (name) => services.get(name) ?? rest,
  };
}
