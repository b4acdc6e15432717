import { useEffect, useState } from 'react';

/** True once `value` has been true for so long. */
export function useDelayed(value: boolean, delayMs: number): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!value) {
      setLate(false);
      return;
    }
    const timer = setTimeout(() => setLate(true), delayMs);
    return () => clearTimeout(timer);
  }, [value, delayMs]);
  return value && isLate;
}
