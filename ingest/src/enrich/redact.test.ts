import { describe, expect, it } from 'vitest';
import { redactAttribute, redactStatement } from './redact.ts';

describe('redaction of attributes', () => {
  it.each([
    ["SELECT * FROM t1 WHERE a='x' AND b=12.5", 'SELECT * FROM t1 WHERE a=? AND b=?'],
    ["INSERT INTO t VALUES ('it''s', 'a\\'b', \"q\", 0xFF)", 'INSERT INTO t VALUES (?, ?, ?, ?)'],
    ["SELECT 'line one\nline two'", 'SELECT ?'],
    ["SELECT 'never closed, card 4111", 'SELECT ?'],
    ["SELECT 'cut behind an escape\\", 'SELECT ?'],
    ['SELECT col2, -3 FROM t', 'SELECT col2, -? FROM t'],
  ])('takes the literals out of %j', (statement, expected) => {
    expect(redactStatement(statement)).toBe(expected);
  });

  it('leaves nothing of a literal that is longer than what is kept', () => {
    expect(redactStatement(`SELECT '${'secret '.repeat(2_000)}'`)).toBe('SELECT ?');
  });

  it.each([
    ['http.request.header.authorization', 'Bearer x', '[redacted]'],
    ['http.request.header.cookie', 'sid=1', '[redacted]'],
    ['http.response.header.set-cookie', 'sid=1', '[redacted]'],
    ['db.query.parameter.0', '4111', '[redacted]'],
    ['db.statement', 'SELECT 1', 'SELECT ?'],
    ['url.full', 'https://me:pw@shop/a?token=1&x=2', 'https://shop/a?token=?&x=?'],
    ['url.query', 'a=1&b', 'a=?&b'],
    ['http.route', '/orders/{id}', '/orders/{id}'],
  ])('%s: %s', (key, value, expected) => {
    expect(redactAttribute(key, value)).toBe(expected);
  });
});
