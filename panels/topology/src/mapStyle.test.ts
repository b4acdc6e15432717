import { createTheme } from '@grafana/data';
import { describe, expect, it } from 'vitest';
import { mapStyle, opaque } from './mapStyle.ts';

function luminance(colour: string): number {
  const [red, green, blue] = colour.match(/\d+/g)!.map((channel) => {
    const share = Number(channel) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

describe('colours of the map', () => {
  it('are opaque', () => {
    expect(opaque('rgba(255, 255, 255, 0.5)', '#000')).toBe('rgb(128, 128, 128)');
    expect(opaque('#1234', '#000')).toBe('rgb(5, 9, 14)');
    expect(opaque('#ff5286', '#000')).toBe('rgb(255, 82, 134)');
  });

  it.each(['dark', 'light'] as const)('are told apart from the ground: %s', (mode) => {
    const style = mapStyle(createTheme({ colors: { mode } }), { nodes: [], edges: [] });
    for (const text of [style.text, style.textStrong, style.textSecondary]) {
      expect(contrast(text, style.canvas)).toBeGreaterThan(4.5);
    }
    for (const mark of [style.mark, style.faint, style.error, style.warning]) {
      expect(contrast(mark, style.canvas)).toBeGreaterThan(3);
    }
  });
});
