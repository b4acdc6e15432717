import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { routeTemplate } from './naming.ts';

describe('the template of a route', () => {
  it.each([
    ['/', '/'],
    ['/orders/17', '/orders/{id}'],
    ['/orders/17/', '/orders/{id}/'],
    ['/payments/cart-20361-8963', '/payments/{id}'],
    ['/api/payments/cart-123', '/api/payments/{id}'],
    ['/items/ord_8f3a91/lines/3', '/items/{id}/lines/{id}'],
    ['/carts/cart-0', '/carts/{id}'],
    ['/users/user42', '/users/{id}'],
    ['/commits/3f9c2d', '/commits/{id}'],
    ['/tokens/deadbee1', '/tokens/{id}'],
    ['/jobs/0b7c1f52-52ab-4c0e-9c1e-0d6c4f1ab301/logs', '/jobs/{id}/logs'],
    ['/watch/dQw4w9WgXcQ', '/watch/{id}'],
    ['/s/aGVsbG9Xb3JsZEZvb0JhckJheg', '/s/{id}'],
    ['/s/bGVhc3VyZS4=', '/s/{id}'],
    ['/s/QmFzZVRlSGhFcFdpThNaKbLo', '/s/{id}'],
    ['/hosts/10.43.2.11', '/hosts/{id}'],
    ['/users/ann@example.org', '/users/{id}'],
    ['/search/blue%20jeans', '/search/{id}'],
    ['/books/urn:isbn:0451450523', '/books/{id}'],
    ['/posts/how-to-trace-in-2024', '/posts/{id}'],
    ['/reports/2024-01-31', '/reports/{date}'],
    ['/login;jsessionid=8A3F02', '/login'],
    [`/x/${'abc-'.repeat(11)}`, '/x/{id}'],
    ['/static/app.3f9c2d.js', '/static/{id}.js'],
    ['/img/logo@2x.png', '/img/{id}.png'],
    ['/media/segment-00017.m4s', '/media/{id}.m4s'],
  ])('%s: %s', (path, template) => {
    expect(routeTemplate(path)).toBe(template);
  });

  it.each([
    '/api/v1/orders',
    '/api/v2beta1/orders',
    '/api/v1.2/orders',
    '/1.1/statuses',
    '/reports/2024-01',
    '/.well-known/oauth2-protected-resource',
    '/oauth2/token',
    '/2fa/verify',
    '/k8s/i18n/page3',
    '/hash/sha256/base64',
    '/getCustomerOrderHistoryList',
    '/checkout/payment-methods/_search',
    '/index.html',
    '/static/jquery.min.js',
    '/font.woff2',
    '/straße/größe',
  ])('%s is left as it is', (path) => {
    expect(routeTemplate(path)).toBe(path);
  });

  it('is one for ids never seen before, of every usual look', () => {
    const digest = (index: number, encoding: 'hex' | 'base64url'): string =>
      createHash('sha256').update(String(index)).digest(encoding);
    const looks: ((index: number) => string)[] = [
      (index) => String(index),
      (index) => `cart-${index}-${index * 7}`,
      (index) => `ord_${digest(index, 'hex').slice(0, 10)}1`,
      (index) => digest(index, 'hex'),
      (index) => `${digest(index, 'base64url').slice(0, 20)}0x7`,
      (index) => digest(index, 'base64url'),
      () => randomUUID(),
      (index) => `guest${index + 10}@shop.example`,
    ];
    const templates = new Set<string>();
    for (let index = 0; index < 2000; index++) {
      for (const look of looks) templates.add(routeTemplate(`/things/${look(index)}`));
    }
    expect([...templates]).toEqual(['/things/{id}']);
  });

  it('is short, whatever the path', () => {
    const segments = '/a11-b22_c33'.repeat(100_000);
    expect(routeTemplate(segments)).toBe('/{id}'.repeat(11));
    for (const character of ['/', '-', '.', 'a', '1', 'aA', '.js', ';', '%', '\u{1f600}']) {
      expect(routeTemplate(`/${character.repeat(1_000_000)}`).length).toBeLessThanOrEqual(200);
    }
  });
});
