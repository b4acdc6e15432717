/** What Grafana's components ask of a browser at import or first render and jsdom does not have. */
class ObserverStub {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
  takeRecords(): [] {
    return [];
  }
}

Object.assign(window, {
  matchMedia: (query: string) => ({
    matches: false,
    media: query,
    onchange: null,
    addEventListener: () => {},
    removeEventListener: () => {},
    addListener: () => {},
    removeListener: () => {},
    dispatchEvent: () => false,
  }),
  ResizeObserver: ObserverStub,
  IntersectionObserver: ObserverStub,
});

/** A 2D context that draws nothing: every method answers with the like, and texts have the width of their length. */
const contextStub: object = new Proxy(
  {},
  {
    get: (properties: Record<string | symbol, unknown>, name) => {
      if (name === 'measureText') return (text: string) => ({ width: text.length * 7 });
      return name in properties ? properties[name] : () => contextStub;
    },
  }
);
HTMLCanvasElement.prototype.getContext = ((kind: string) => (kind === '2d' ? contextStub : null)) as never;
