export interface SyntaxNode {
  /** The node's class, e.g. `Function`, `TableIdentifier`, `SelectWithUnionQuery`. */
  readonly kind: string;
  /** What follows the class on its line, e.g. the function's name; empty if nothing. */
  readonly name: string;
  readonly depth: number;
  readonly parent: SyntaxNode | undefined;
}

interface CountedNode extends SyntaxNode {
  readonly announced: number;
  children: number;
}

/**
 * The nodes of `EXPLAIN AST`, in order. One line per node, indented by its depth:
 *
 *     SelectWithUnionQuery (children 1)
 *      ExpressionList (children 1)
 *       Function file (alias x) (children 1)
 *
 * Names are printed as they are, so an identifier with a line break adds lines, and settings could cut lines off. Each
 * line announces its number of children; a text where one does not hold is no tree.
 * @returns undefined if the text is not a whole tree
 */
export function parseSyntaxTree(text: string): SyntaxNode[] | undefined {
  const nodes: CountedNode[] = [];
  const path: CountedNode[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const depth = line.length - line.trimStart().length;
    const announced = Number(/ \(children (\d+)\)$/.exec(line.trimEnd())?.[1] ?? 0);
    const label = line
      .trim()
      .replace(/ \(children \d+\)$/, '')
      .replace(/ \(alias .*\)$/, '');
    const space = label.indexOf(' ');
    if (depth > path.length || (depth === 0 && nodes.length > 0)) return undefined;
    path.length = depth;
    const parent = path.at(-1);
    if (parent !== undefined) parent.children++;
    const node: CountedNode = {
      kind: space < 0 ? label : label.slice(0, space),
      name: space < 0 ? '' : label.slice(space + 1).trim(),
      depth,
      parent,
      announced,
      children: 0,
    };
    path.push(node);
    nodes.push(node);
  }
  return nodes.every((node) => node.announced === node.children) ? nodes : undefined;
}
