/** A file's text, for tests that hold one list against another. */
declare module '*?raw' {
  const content: string;
  export { content as default };
}
