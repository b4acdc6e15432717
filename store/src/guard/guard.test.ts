import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitInsert } from './insertStatement.ts';
import { parseSyntaxTree } from './syntaxTree.ts';
import { parameterNames, settingClauses, tokens } from './tokens.ts';

describe('tokens', () => {
  it.each([
    [
      "SELECT 'a''b', \"q\"\"r\", `x\\`y` -- c\n, 1.5e3 /* ' */",
      ['SELECT', "a'b", ',', 'q"r', ',', 'x`y', ',', '1.5e3'],
    ],
    ['$tag$ a;\nb $tag$ + $$ $ $$', [' a;\nb ', '+', ' $ ']],
    ["'\\n\\'\\\\'", ["\n'\\"]],
  ])('of %s', (sql, expected) => {
    expect([...tokens(sql)].map((token) => token.text)).toEqual(expected);
  });

  it('cover any text and end', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (sql) => {
        let at = 0;
        for (const token of tokens(sql)) {
          expect(token.start).toBeGreaterThanOrEqual(at);
          expect(token.end).toBeGreaterThan(token.start);
          at = token.end;
        }
      })
    );
  });
});

describe('settingClauses', () => {
  it.each([
    [
      "SELECT 1 SETTINGS a = 1, b = 'x' FORMAT JSON",
      [
        [
          ['a', '1'],
          ['b', 'x'],
        ],
      ],
    ],
    ['SELECT * FROM (SELECT 1 SETTINGS a = 1) SETTINGS `b` = 2', [[['a', '1']], [['b', '2']]]],
    [
      "CREATE TABLE t (a Int8) SETTINGS disk = disk(type = 'local', path = '/x'), b = -1",
      [
        [
          ['disk', undefined],
          ['b', undefined],
        ],
      ],
    ],
    ["SELECT 'SETTINGS a = 1', settings FROM t", []],
  ])('of %s', (sql, expected) => {
    const found = settingClauses([...tokens(sql)]);
    expect(found.map((clause) => clause.map(({ name, value }) => [name, value]))).toEqual(expected);
  });
});

it('parameterNames finds substitutions outside strings', () => {
  expect([...parameterNames([...tokens("SELECT {a:UInt8}, '{b:UInt8}', {c_1 : Array(String)}, {}")])]).toEqual([
    'a',
    'c_1',
  ]);
});

describe('parseSyntaxTree', () => {
  const tree = 'SelectQuery (children 2)\n Function f (alias x) (children 1)\n  ExpressionList\n Set\n';
  it('gives kinds, names and parents', () => {
    const nodes = parseSyntaxTree(tree) ?? [];
    expect(nodes.map((node) => [node.kind, node.name, node.parent?.kind])).toEqual([
      ['SelectQuery', '', undefined],
      ['Function', 'f', 'SelectQuery'],
      ['ExpressionList', '', 'Function'],
      ['Set', '', 'SelectQuery'],
    ]);
  });
  it.each([
    ['a cut tree', tree.slice(0, -5)],
    ['an added line', `${tree} Literal 1\n`],
    ['a second root', `${tree}SelectQuery\n`],
    ['a line too deep', 'SelectQuery (children 1)\n   Set\n'],
  ])('refuses %s', (_, text) => {
    expect(parseSyntaxTree(text)).toBeUndefined();
  });
});

describe('splitInsert', () => {
  it.each([
    ['INSERT INTO t FORMAT Native\n\0\n', 'INSERT INTO t FORMAT Native', '\0\n'],
    ['insert into t (a, `values`) format CSV\n1,2', 'insert into t (a, `values`) format CSV', '1,2'],
    ['INSERT INTO t (a) VALUES (1), (2)', 'INSERT INTO t (a)  FORMAT Values', ' (1), (2)'],
    ['/* c */ INSERT INTO t SETTINGS x = 1 FORMAT TSV\r\n1', '/* c */ INSERT INTO t SETTINGS x = 1 FORMAT TSV', '1'],
    ['INSERT INTO t FORMAT TSV', 'INSERT INTO t FORMAT TSV', ''],
    ['INSERT INTO t', 'INSERT INTO t', ''],
  ])('%j', (text, statement, data) => {
    const split = splitInsert(text, true);
    if (typeof split !== 'object') throw new Error(String(split));
    expect(split.statement).toBe(statement);
    expect(text.slice(split.dataStart)).toBe(data);
  });

  it.each(['SELECT 1', 'INSERT INTO t SELECT 1', 'INSERT INTO t (a) WITH x AS (SELECT 1) SELECT * FROM x', ''])(
    'leaves %j whole',
    (text) => expect(splitInsert(text, true)).toBeUndefined()
  );

  it('waits for what it needs to decide, and no longer', () => {
    const text = 'INSERT INTO t (a) FORMAT TSV\n1';
    for (let length = 0; length < text.length - 1; length++) {
      expect(splitInsert(text.slice(0, length), false)).toBe('incomplete');
    }
    expect(splitInsert('SELECT 1', false)).toBeUndefined();
  });
});
