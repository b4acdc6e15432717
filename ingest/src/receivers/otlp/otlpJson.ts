import { otlpService } from '@throughline/wire';

/**
 * OTLP/JSON to the message that protobuf gives. It differs from protobuf's own JSON mapping: ids are hex, enums are
 * numbers, 64 bit integers may be strings (OTLP specification, "JSON Protobuf Encoding").
 */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** @throws Error where the text is no JSON object; fields of a wrong type read as absent */
export function parseOtlpJson(text: string): otlpService.ExportTraceServiceRequest {
  const root = JSON.parse(text) as Json;
  if (!isObject(root)) throw new Error('the body is not a JSON object');
  return otlpService.ExportTraceServiceRequest.fromPartial({
    resourceSpans: list(root['resourceSpans']).map((resourceSpans) => ({
      resource: { attributes: attributes(object(resourceSpans['resource'])['attributes']) },
      scopeSpans: list(resourceSpans['scopeSpans']).map((scopeSpans) => ({
        scope: {
          name: string(object(scopeSpans['scope'])['name']),
          version: string(object(scopeSpans['scope'])['version']),
        },
        spans: list(scopeSpans['spans']).map((span) => ({
          traceId: hex(span['traceId']),
          spanId: hex(span['spanId']),
          parentSpanId: hex(span['parentSpanId']),
          traceState: string(span['traceState']),
          name: string(span['name']),
          kind: Number(span['kind']) || 0,
          startTimeUnixNano: integer(span['startTimeUnixNano']),
          endTimeUnixNano: integer(span['endTimeUnixNano']),
          attributes: attributes(span['attributes']),
          events: list(span['events']).map((event) => ({
            timeUnixNano: integer(event['timeUnixNano']),
            name: string(event['name']),
            attributes: attributes(event['attributes']),
          })),
          links: list(span['links']).map((link) => ({
            traceId: hex(link['traceId']),
            spanId: hex(link['spanId']),
            traceState: string(link['traceState']),
            attributes: attributes(link['attributes']),
          })),
          status: {
            code: Number(object(span['status'])['code']) || 0,
            message: string(object(span['status'])['message']),
          },
        })),
      })),
    })),
  });
}

function attributes(json: Json | undefined): { key: string; value: AnyValue }[] {
  return list(json).map((attribute) => ({ key: string(attribute['key']), value: anyValue(attribute['value'], 0) }));
}

interface AnyValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: bigint;
  doubleValue?: number;
  bytesValue?: Buffer;
  arrayValue?: { values: AnyValue[] };
  kvlistValue?: { values: { key: string; value: AnyValue }[] };
}

const MAX_DEPTH = 16;

function anyValue(json: Json | undefined, depth: number): AnyValue {
  const value = object(json);
  if (depth > MAX_DEPTH) return {};
  if (typeof value['stringValue'] === 'string') return { stringValue: value['stringValue'] };
  if (typeof value['boolValue'] === 'boolean') return { boolValue: value['boolValue'] };
  if (value['intValue'] !== undefined) return { intValue: signed(value['intValue']) };
  if (value['doubleValue'] !== undefined) return { doubleValue: Number(value['doubleValue']) };
  if (typeof value['bytesValue'] === 'string') return { bytesValue: Buffer.from(value['bytesValue'], 'base64') };
  if (value['arrayValue'] !== undefined) {
    return {
      arrayValue: { values: list(object(value['arrayValue'])['values']).map((item) => anyValue(item, depth + 1)) },
    };
  }
  if (value['kvlistValue'] !== undefined) {
    const values = list(object(value['kvlistValue'])['values']);
    return {
      kvlistValue: {
        values: values.map((item) => ({ key: string(item['key']), value: anyValue(item['value'], depth + 1) })),
      },
    };
  }
  return {};
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function object(json: Json | undefined): JsonObject {
  return isObject(json) ? json : {};
}

function list(json: Json | undefined): JsonObject[] {
  return Array.isArray(json) ? json.map(object) : [];
}

function string(json: Json | undefined): string {
  return typeof json === 'string' ? json : '';
}

function hex(json: Json | undefined): Buffer {
  return Buffer.from(string(json), 'hex');
}

function signed(json: Json): bigint {
  if (typeof json === 'string' && /^-?\d{1,19}$/.test(json)) return BigInt(json);
  return typeof json === 'number' && Number.isSafeInteger(json) ? BigInt(json) : 0n;
}

function integer(json: Json | undefined): bigint {
  const value = json === undefined ? 0n : signed(json);
  return value < 0n ? 0n : value;
}
