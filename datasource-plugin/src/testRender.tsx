import { act, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';

/** Renders and drives components as a user does, for tests. */

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

export interface Rendered {
  readonly container: HTMLElement;
  readonly rerender: (node: ReactNode) => Promise<void>;
  readonly unmount: () => Promise<void>;
}

export async function render(node: ReactNode): Promise<Rendered> {
  const container = document.body.appendChild(document.createElement('div'));
  const root = createRoot(container);
  const rerender = (next: ReactNode) => act(async () => root.render(next));
  await rerender(node);
  const unmount = async () => {
    await act(async () => root.unmount());
    container.remove();
  };
  return { container, rerender, unmount };
}

/** The control that a label or aria-label names. @throws Error with those that there are */
export function control(container: HTMLElement, name: string): HTMLElement {
  const byAria = container.querySelector<HTMLElement>(`[aria-label="${name}"]`);
  if (byAria) return byAria;
  const byReference = [...container.querySelectorAll<HTMLElement>('[aria-labelledby]')].find(
    (element) => document.getElementById(element.getAttribute('aria-labelledby') ?? '')?.textContent === name
  );
  if (byReference) return byReference;
  const labels = [...container.querySelectorAll('label')];
  const label = labels.find(({ textContent }) => textContent.startsWith(name));
  const labelled = label && (label.control ?? document.getElementById(label.htmlFor));
  if (labelled) return labelled;
  throw new Error(`nothing is named ${name}: ${labels.map(({ textContent }) => textContent).join('; ')}`);
}

export function button(container: HTMLElement, text: string): HTMLElement {
  const found = [...container.querySelectorAll<HTMLElement>('button')].find(({ textContent }) =>
    textContent.includes(text)
  );
  if (!found) throw new Error(`no button says ${text}`);
  return found;
}

export const click = (element: HTMLElement): Promise<void> => act(async () => element.click());

/** Writes as a keyboard does: React listens to the native setter. */
export async function type(element: HTMLElement, text: string): Promise<void> {
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!;
  await act(async () => {
    element.focus();
    set!.call(element, text);
    element.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

export const press = (element: HTMLElement, key: string): Promise<void> =>
  act(async () => {
    element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  });

export const leave = (element: HTMLElement): Promise<void> => act(async () => element.blur());

/** Lets menus load their options: Grafana waits before it asks. */
export const settle = (ms = 0): Promise<void> => act(() => new Promise<void>((resolve) => setTimeout(resolve, ms)));

/** Chooses in a Combobox by writing what the option says. @param downs presses of the down key that lead to it */
export async function choose(element: HTMLElement, text: string, downs = 1): Promise<void> {
  await click(element);
  await type(element, text);
  await settle(DEBOUNCE_MS);
  for (let i = 0; i < downs; i++) await press(element, 'ArrowDown');
  await press(element, 'Enter');
}

/** Of @grafana/ui's Combobox, and some. */
const DEBOUNCE_MS = 350;
