/**
 * One colour per service, everywhere: nine hues without red and orange, which mean failure and warning. Each is at
 * least 3:1 on Grafana's primary background of its theme, and apart from the others under every colour blindness.
 */
export type ThemeMode = 'dark' | 'light';

const PALETTE: Readonly<Record<ThemeMode, readonly string[]>> = {
  dark: ['#38A1FA', '#21967A', '#9D56C0', '#E1CF7A', '#82BDF8', '#D584BB', '#568145', '#565CE5', '#C2C7CF'],
  light: ['#1B49AA', '#0E6F5C', '#5A1876', '#AD8E08', '#537CB6', '#873F7C', '#3AA53B', '#3C2BBA', '#7E818B'],
};

export const PALETTE_SIZE = 9;

/** FNV-1a: the same name has the same colour in every view and session. */
export function paletteIndex(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PALETTE_SIZE;
}

export function paletteColour(index: number, mode: ThemeMode): string {
  return PALETTE[mode][((index % PALETTE_SIZE) + PALETTE_SIZE) % PALETTE_SIZE]!;
}

/**
 * Colours of the services in one view. On a clash the later name (in alphabetical order) takes the next free hue of
 * this view; with more services than hues, colours repeat: name and icon carry the identity.
 */
export function assignColours(names: Iterable<string>, mode: ThemeMode): ReadonlyMap<string, string> {
  const colours = new Map<string, string>();
  const taken = new Set<number>();
  for (const name of [...new Set(names)].sort()) {
    let index = paletteIndex(name);
    if (taken.size < PALETTE_SIZE) while (taken.has(index)) index = (index + 1) % PALETTE_SIZE;
    taken.add(index);
    colours.set(name, paletteColour(index, mode));
  }
  return colours;
}
