import { type GrafanaTheme2 } from '@grafana/data';
import { assignColours, type TopologyGraph, type TopologyStyle } from '@throughline/viz';

/** Colours of the map from the theme, each made opaque on what it lies on. */
export function mapStyle(theme: GrafanaTheme2, graph: TopologyGraph): TopologyStyle {
  const { colors } = theme;
  const canvas = opaque(colors.background.canvas, '#000');
  const surface = opaque(colors.background.primary, canvas);
  const raised = opaque(colors.background.secondary, surface);
  const hues = assignColours(
    graph.nodes.map(({ name }) => name),
    theme.isDark ? 'dark' : 'light'
  );
  const mark = opaque(colors.text.secondary, surface);
  return {
    canvas,
    surface,
    raised,
    border: opaque(colors.border.medium, surface),
    borderStrong: opaque(colors.border.strong, surface),
    text: opaque(colors.text.primary, canvas),
    textStrong: opaque(colors.text.maxContrast, canvas),
    textSecondary: opaque(colors.text.secondary, canvas),
    textDisabled: opaque(colors.text.disabled, canvas),
    error: opaque(colors.error.text, canvas),
    warning: opaque(colors.warning.text, canvas),
    mark,
    faint: mix(mark, canvas, 0.7),
    primary: opaque(colors.primary.main, canvas),
    font: theme.typography.fontFamily,
    colourOf: (name) => hues.get(name) ?? mark,
  };
}

/** A colour of the theme, which may let its background through, as it looks on that background. */
export function opaque(colour: string, background: string): string {
  const [red, green, blue, alpha] = channels(colour);
  if (alpha >= 1) return `rgb(${red}, ${green}, ${blue})`;
  return mix(`rgb(${red}, ${green}, ${blue})`, background, alpha);
}

/** @param share of the first colour */
function mix(colour: string, background: string, share: number): string {
  const [over, under] = [channels(colour), channels(background)];
  const mixed = [0, 1, 2].map((i) => Math.round(over[i]! * share + under[i]! * (1 - share)));
  return `rgb(${mixed.join(', ')})`;
}

function channels(colour: string): [number, number, number, number] {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(colour.trim())?.[1];
  if (hex !== undefined) {
    const digits = hex.length <= 4 ? [...hex].map((digit) => digit + digit).join('') : hex;
    const at = (index: number): number => Number.parseInt(digits.slice(index, index + 2), 16);
    return [at(0), at(2), at(4), digits.length === 8 ? at(6) / 255 : 1];
  }
  const [red = 128, green = 128, blue = 128, alpha = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue, alpha];
}
