import { KIND_CLIENT, KIND_SERVER, type TraceModel } from './model.ts';

export type IconName =
  | 'http'
  | 'database'
  | 'cache'
  | 'queue'
  | 'dns'
  | 'lock'
  | 'code'
  | 'network'
  | 'error'
  | 'origin'
  | 'warning'
  | 'question';

/** Strokes on a field of 12 by 12: x and y of a line's points in turn, or a circle's centre and radius. */
const STROKES: Readonly<Record<IconName, readonly (readonly number[])[]>> = {
  http: [
    [1.5, 4, 10.5, 4],
    [8, 1.5, 10.5, 4, 8, 6.5],
    [10.5, 8.5, 1.5, 8.5],
    [4, 6, 1.5, 8.5, 4, 11],
  ],
  database: [
    [2, 3, 4, 1.8, 8, 1.8, 10, 3, 8, 4.2, 4, 4.2, 2, 3, 2, 9, 4, 10.2, 8, 10.2, 10, 9, 10, 3],
    [2, 6, 4, 7.2, 8, 7.2, 10, 6],
  ],
  cache: [[7, 1, 2.5, 7, 6, 7, 5, 11, 9.5, 5, 6, 5, 7, 1]],
  queue: [
    [1.5, 2.5, 10.5, 2.5, 10.5, 9.5, 1.5, 9.5, 1.5, 2.5],
    [1.5, 3, 6, 6.5, 10.5, 3],
  ],
  dns: [
    [6, 6, 2],
    [
      8, 4, 8, 7.4, 9.4, 8, 10.4, 6.6, 10.2, 4.2, 8.4, 2, 6, 1.4, 3.4, 2.2, 1.6, 4.4, 1.6, 7.4, 3.2, 9.8, 6, 10.6, 8,
      10,
    ],
  ],
  lock: [
    [2.5, 5.5, 9.5, 5.5, 9.5, 10.5, 2.5, 10.5, 2.5, 5.5],
    [4, 5.5, 4, 3, 5, 1.8, 7, 1.8, 8, 3, 8, 5.5],
  ],
  code: [
    [4.5, 1.5, 3.2, 2, 3.2, 5, 2, 6, 3.2, 7, 3.2, 10, 4.5, 10.5],
    [7.5, 1.5, 8.8, 2, 8.8, 5, 10, 6, 8.8, 7, 8.8, 10, 7.5, 10.5],
  ],
  network: [
    [4.5, 1, 7.5, 1, 7.5, 4, 4.5, 4, 4.5, 1],
    [6, 4, 6, 6],
    [2.5, 8, 2.5, 6, 9.5, 6, 9.5, 8],
    [1, 8, 4, 8, 4, 11, 1, 11, 1, 8],
    [8, 8, 11, 8, 11, 11, 8, 11, 8, 8],
  ],
  error: [
    [6, 6, 5],
    [6, 3, 6, 6.8],
    [6, 8.6, 0.5],
  ],
  origin: [
    [6, 6, 5],
    [6, 6, 2.5],
    [6, 6, 0.5],
  ],
  warning: [
    [6, 1.2, 11, 10.5, 1, 10.5, 6, 1.2],
    [6, 4.5, 6, 7.2],
    [6, 8.8, 0.4],
  ],
  question: [
    [6, 6, 5],
    [4.4, 4.6, 5, 3.4, 6.6, 3.2, 7.6, 4.2, 7.2, 5.4, 6, 6.2, 6, 7.2],
    [6, 8.8, 0.4],
  ],
};

export function drawIcon(
  ctx: CanvasRenderingContext2D,
  icon: IconName,
  x: number,
  y: number,
  colour: string,
  size = 12
): void {
  const scale = size / 12;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.1 * scale;
  ctx.beginPath();
  for (const stroke of STROKES[icon]) {
    if (stroke.length === 3) {
      const [cx, cy, radius] = stroke as [number, number, number];
      ctx.moveTo(x + (cx + radius) * scale, y + cy * scale);
      ctx.arc(x + cx * scale, y + cy * scale, radius * scale, 0, Math.PI * 2);
      continue;
    }
    ctx.moveTo(x + stroke[0]! * scale, y + stroke[1]! * scale);
    for (let i = 2; i < stroke.length; i += 2) ctx.lineTo(x + stroke[i]! * scale, y + stroke[i + 1]! * scale);
  }
  ctx.stroke();
}

const BY_PROTOCOL: readonly (readonly [RegExp, IconName])[] = [
  [/redis|memcache/, 'cache'],
  [/mysql|maria|postgres|mongo|sql|cassandra|clickhouse|elastic|oracle/, 'database'],
  [/kafka|amqp|rabbit|nats|mqtt|pulsar|rocket/, 'queue'],
  [/^dns/, 'dns'],
  [/^tls|^ssl/, 'lock'],
  [/http|grpc|dubbo|thrift/, 'http'],
];

/** One icon per kind of thing a span does. */
export function iconOf(model: TraceModel, span: number): IconName {
  const protocol = model.protocols[model.protocol[span]!]!.toLowerCase();
  if (protocol !== '') {
    const found = BY_PROTOCOL.find(([pattern]) => pattern.test(protocol));
    if (found) return found[1];
  }
  if (model.layer[span] === 2) return 'network';
  return model.kind[span] === KIND_CLIENT || model.kind[span] === KIND_SERVER ? 'http' : 'code';
}
