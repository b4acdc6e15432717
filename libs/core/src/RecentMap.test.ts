import { describe, expect, it } from 'vitest';
import { RecentMap } from './index.ts';

describe('RecentMap', () => {
  it('keeps what was set last, within its limit', () => {
    const map = new RecentMap<number, string>(10);
    for (let i = 0; i < 1000; i++) {
      map.set(i, String(i));
      expect(map.size).toBeLessThanOrEqual(10);
      for (let back = 0; back < Math.min(5, i + 1); back++) expect(map.get(i - back)).toBe(String(i - back));
    }
    expect(map.has(0)).toBe(false);
  });

  it('holds a key once, with its last value', () => {
    const map = new RecentMap<string, number>(4);
    map.set('a', 1).set('b', 2).set('a', 3);
    expect(map.get('a')).toBe(3);
    expect(map.size).toBe(2);
    expect(map.delete('a')).toBe(true);
    expect(map.get('a')).toBeUndefined();
    expect(map.delete('a')).toBe(false);
  });
});
