import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseQuery } from '@throughline/query';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { DASHBOARDS } from './definitions/index.ts';
import { type GridPosition, layOut, PANEL_TYPES, type PanelInput } from './panels.ts';

const fieldConfig = z.looseObject({
  defaults: z.looseObject({ unit: z.string().optional() }),
  overrides: z.array(
    z.object({
      matcher: z.object({ id: z.string(), options: z.string() }),
      properties: z.array(z.object({ id: z.string(), value: z.unknown() })),
    })
  ),
});
const targets = z.array(z.looseObject({ refId: z.string(), datasource: z.unknown() }));

const saved = z.looseObject({
  id: z.null(),
  uid: z.string().max(40),
  title: z.string(),
  tags: z.array(z.string()),
  schemaVersion: z.literal(42),
  links: z.array(z.looseObject({ type: z.string(), keepTime: z.boolean(), includeVars: z.boolean() })).min(1),
  templating: z.object({
    list: z.array(
      z.looseObject({ name: z.string(), type: z.string(), query: z.unknown(), datasource: z.unknown().optional() })
    ),
  }),
  annotations: z.object({ list: z.array(z.looseObject({ target: z.unknown(), datasource: z.unknown() })) }),
  panels: z.array(
    z.looseObject({
      id: z.number(),
      type: z.string(),
      title: z.string().min(1),
      description: z.string().min(1).optional(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      datasource: z.unknown().optional(),
      targets: targets.optional(),
      fieldConfig: fieldConfig.optional(),
    })
  ),
});

const files = Array.from(DASHBOARDS.keys(), (name) => {
  const text = readFileSync(join(import.meta.dirname, 'dashboards', `${name}.json`), 'utf8');
  return { name, text, dashboard: saved.parse(JSON.parse(text)) };
});

const OURS = { type: 'throughline-datasource', uid: '${ds}' };

describe.each(files)('dashboard $name', ({ text, dashboard }) => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');

  it('asks what the query model knows, of the data source that its variable names', () => {
    const targets = panels.flatMap((panel) => panel.targets ?? []);
    expect(targets.length).toBeGreaterThan(0);
    for (const { datasource, refId, ...query } of [
      ...targets,
      ...dashboard.annotations.list.map(({ target, datasource }) => ({
        ...(target as object),
        refId: 'A',
        datasource,
      })),
      ...dashboard.templating.list
        .filter(({ type }) => type === 'query')
        .map(({ query, datasource }) => ({ ...sqlOf(query), refId: 'A', datasource })),
    ]) {
      expect(datasource).toEqual(OURS);
      expect(refId).not.toBe('');
      expect(() => parseQuery(query)).not.toThrow();
    }
  });

  it('has panels of the types that a Grafana with our plugins has, each with a description and a unit', () => {
    const allowed = new Set<string>(PANEL_TYPES);
    expect(panels.map(({ type }) => type).filter((type) => !allowed.has(type))).toEqual([]);
    const ownUnits = /^throughline-|^text$/;
    for (const { type, title, description, fieldConfig, targets } of panels) {
      expect([title, description !== undefined]).toEqual([title, true]);
      if (!ownUnits.test(type))
        expect([title, unitOf(type, fieldConfig, targets)]).toEqual([title, expect.any(String)]);
    }
  });

  it('lays panels out within the grid, none over another, each with an id of its own', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const overlapping = dashboard.panels.flatMap((a, i) =>
      dashboard.panels.slice(i + 1).filter((b) => overlap(a.gridPos, b.gridPos))
    );
    expect(overlapping).toEqual([]);
    expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x < 0 || x + w > 24)).toEqual([]);
  });

  it('uses no variable that it does not have', () => {
    const names = dashboard.templating.list.map(({ name }) => name);
    expect(names[0]).toBe('ds');
    const used = Array.from(text.matchAll(/\$\{?(\w+)/g), ([, name]) => name!);
    const unknown = used.filter((name) => !name.startsWith('__') && !names.includes(name));
    expect(unknown).toEqual([]);
  });

  it('leads on to the others, with its time range and variables', () => {
    expect(dashboard.tags).toEqual(['throughline']);
    expect(dashboard.links[0]).toMatchObject({
      type: 'dashboards',
      tags: ['throughline'],
      keepTime: true,
      includeVars: true,
    });
    const uids = new Set(files.map(({ dashboard: { uid } }) => uid));
    const linked = Array.from(text.matchAll(/"\/d\/([\w-]+)\?([^"]*)"/g), ([, uid, query]) => ({ uid: uid!, query }));
    for (const { uid, query } of linked) {
      expect(uids).toContain(uid);
      expect(query).toMatch(/^\$\{__url_time_range\}&\$\{ds:queryparam\}&/);
    }
  });
});

describe('dashboards together', () => {
  it('have a uid each', () => {
    expect(new Set(files.map(({ dashboard: { uid } }) => uid)).size).toBe(files.length);
  });

  it('link to variables that the linked dashboard has', () => {
    const variables = new Map(
      files.map(({ dashboard: { uid, templating } }) => [uid, templating.list.map(({ name }) => name)])
    );
    for (const { text } of files) {
      for (const [, uid, query] of text.matchAll(/"\/d\/([\w-]+)\?([^"]*)"/g)) {
        const given = Array.from(query!.matchAll(/var-(\w+)=/g), ([, name]) => name);
        expect([uid, given.filter((name) => !variables.get(uid!)!.includes(name!))]).toEqual([uid, []]);
      }
    }
  });
});

describe('layOut', () => {
  const panel = (width: number, height: number): PanelInput => ({
    type: 'stat',
    title: '',
    description: '',
    width,
    height,
  });

  it('puts a row below the highest panel of the row before it', () => {
    const positions = layOut([{ panels: [panel(8, 4), panel(16, 9)] }, { title: 'next', panels: [panel(24, 2)] }]).map(
      ({ gridPos }) => gridPos
    );
    expect(positions).toEqual([
      { x: 0, y: 0, w: 8, h: 4 },
      { x: 8, y: 0, w: 16, h: 9 },
      { x: 0, y: 9, w: 24, h: 1 },
      { x: 0, y: 10, w: 24, h: 2 },
    ]);
  });

  it('refuses a row that is too wide', () => {
    expect(() => layOut([{ panels: [panel(16, 4), panel(9, 4)] }])).toThrow('25 columns');
  });
});

/** Frames of our own query types have units; columns of SQL need one, and only columns of numbers may have it. */
function unitOf(
  type: string,
  config: z.infer<typeof fieldConfig> | undefined,
  queries: z.infer<typeof targets> | undefined
): unknown {
  if (type !== 'table') return config?.defaults.unit;
  expect(config?.defaults.unit).toBeUndefined();
  const ofNumbers = config?.overrides.find(({ matcher }) => matcher.id === 'byType' && matcher.options === 'number');
  const isSql = queries?.some((query) => query['queryType'] === 'sql') ?? false;
  return isSql ? ofNumbers?.properties.find(({ id }) => id === 'unit')?.value : 'of the frame';
}

/** A variable's query has a kind in the place of a query type. */
function sqlOf(query: unknown): object {
  const { rawSql } = z.strictObject({ refId: z.string(), kind: z.literal('sql'), rawSql: z.string() }).parse(query);
  return { queryType: 'sql', rawSql };
}

function overlap(a: GridPosition, b: GridPosition): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

/** Keys that Grafana reads from each kind of provisioning file; others are a mistake of ours. */
const PROVISIONING = {
  'datasources/throughline.yaml': z.strictObject({
    apiVersion: z.literal(1),
    datasources: z
      .array(
        z.strictObject({
          name: z.string(),
          uid: z.literal('throughline'),
          type: z.literal('throughline-datasource'),
          access: z.literal('proxy'),
          orgId: z.int(),
          url: z.string(),
          user: z.string(),
          isDefault: z.boolean(),
          editable: z.boolean(),
          jsonData: z.strictObject({
            tenant: z.string(),
            environment: z.string(),
            timeoutSeconds: z.int(),
            rowLimit: z.int(),
          }),
          // A secret in a file is a leak: only the name of a variable.
          secureJsonData: z.strictObject({ readToken: z.string().regex(/^\$\w+$/) }),
        })
      )
      .length(1),
  }),
  'plugins/throughline.yaml': z.strictObject({
    apiVersion: z.literal(1),
    apps: z
      .array(z.strictObject({ type: z.literal('throughline-app'), org_id: z.int(), disabled: z.literal(false) }))
      .length(1),
  }),
  'dashboards/throughline.yaml': z.strictObject({
    apiVersion: z.literal(1),
    providers: z
      .array(
        z.strictObject({
          name: z.string(),
          orgId: z.int(),
          folder: z.string(),
          folderUid: z.string(),
          type: z.literal('file'),
          disableDeletion: z.boolean(),
          allowUiUpdates: z.boolean(),
          updateIntervalSeconds: z.int(),
          options: z.strictObject({ path: z.string().startsWith('/'), foldersFromFilesStructure: z.boolean() }),
        })
      )
      .length(1),
  }),
} as const;

describe('provisioning files', () => {
  it.each(Object.entries(PROVISIONING))('%s has what Grafana reads', (file, schema) => {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8');
    expect(schema.safeParse(parse(text)).error?.message).toBeUndefined();
  });
});
