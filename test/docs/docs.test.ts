import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../src/config/duration.ts';
import { settingsSchema } from '../../src/config/schema.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { baldeDatabase } from '../support/database.ts';
import { commandReference } from './commandReference.ts';
import { metricReference } from './metricReference.ts';

const path = (name: string): string => join(packageRoot, name);
const read = (name: string): string => readFileSync(path(name), 'utf8');

describe('docs/commands.md', () => {
  test('has every command and every option, as the program tells them (UPDATE_DOCS=1 writes it)', async () => {
    const made = await commandReference();
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path('docs/commands.md'), made);
    expect(read('docs/commands.md')).toBe(made);
  });
});

test('[MET-1] docs/metrics.md has every metric of the registry (UPDATE_DOCS=1 writes it)', () => {
  const made = metricReference();
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path('docs/metrics.md'), made);
  expect(read('docs/metrics.md')).toBe(made);
});

/** Rows of all tables of a document: what its first two cells hold. */
const rowsOf = (text: string): [string, string][] =>
  [...text.matchAll(/^\| (.+?) \| (.*?) \|/gm)].map(([, first = '', second = '']) => [first, second]);

const namesIn = (cell: string): string[] => [...cell.matchAll(/`([A-Z][A-Z\d_]+)/g)].map(([, name = '']) => name);

describe('docs/configuration.md', () => {
  const rows = rowsOf(read('docs/configuration.md')).filter(([cell]) => namesIn(cell).length > 0);
  const told = rows.flatMap(([cell]) => namesIn(cell));
  const settings = Object.keys(settingsSchema.shape);
  /** Variables that are no settings of the schema: read from the environment alone. */
  const source = ['config.ts', 'sources.ts', 'participants.ts', 'names.ts']
    .map((file) => read(`src/config/${file}`))
    .join('\n');
  const others = [...source.matchAll(/'((?:BALDE|BRIDGE|DATABASE|EVENTSTORE|PARTICIPANT)[A-Z_]*)(?<!_)'/g)].map(
    ([, name = '']) => name,
  );

  test('has every setting, and no other', () => {
    const known = [...new Set([...settings, ...others])];
    expect(told.toSorted()).toEqual([...new Set(told)].sort());
    expect(known.filter((name) => !told.includes(name))).toEqual([]);
    const ofOthers = ['NO_COLOR', 'FORCE_COLOR', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_METRICS_EXPORTER'];
    expect(told.filter((name) => !known.includes(name) && !ofOthers.includes(name))).toEqual([]);
  });

  test('has their defaults', () => {
    const defaults = settingsSchema.parse({});
    for (const [name, value] of Object.entries(defaults)) {
      const row = rows.find(([cell]) => namesIn(cell).includes(name));
      const at = namesIn(row?.[0] ?? '').indexOf(name);
      const shown = [...(row?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)[at] ?? '';
      const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
      const same = shown === text || parseDuration(shown) === value;
      expect({ name, shown, same }).toEqual({ name, shown, same: true });
    }
  });
});

test('docs/tracing.md and docs/metrics.md have every variable of OpenTelemetry that Balde itself looks at', () => {
  const sources = ['traceExport', 'metricExport', 'otlpSettings'].map((file) => read(`src/app/${file}.ts`)).join('');
  const looked = [...sources.matchAll(/'(OTEL_[A-Z_]+)'/g)].map(([, name = '']) => name);
  const text = read('docs/tracing.md') + read('docs/metrics.md');
  expect(looked).toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
  expect(looked.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test('docs/views.md has every view and every column', async () => {
  const { database } = await baldeDatabase();
  const columns = await database.query<{ view: string; name: string }>(
    `select table_name as view, column_name as name from information_schema.columns
     where table_schema = 'public' and table_name ~ 'dict_rate_limit' order by table_name, ordinal_position`,
  );
  const sections = new Map(
    read('docs/views.md')
      .split(/^## /m)
      .flatMap((text) => [...(/^`.*/.exec(text)?.[0] ?? '').matchAll(/`(\w+)`/g)].map(([, name = '']) => [name, text])),
  );
  const missing = columns.filter(({ view, name }) => sections.get(view)?.includes(`\`${name}\``) !== true);
  expect(missing).toEqual([]);
  expect(columns.length).toBeGreaterThan(50);
});

describe('README.md and docs/', () => {
  const pages = (folder: string): string[] =>
    readdirSync(path(folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`);
  const guides = ['deploy/prometheus/README.md', 'deploy/kubernetes/README.md'];
  const files = ['README.md', ...guides, ...pages('docs'), ...pages('docs/runbooks')];

  test.each(files)('%s links only to what is there', (file) => {
    const links = [...read(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(dirname(path(file)), link)));
    expect(broken).toEqual([]);
  });

  test('README begins with a picture, and two lines to try it', () => {
    const text = read('README.md');
    expect(text).toContain('npm ci && npm start');
    expect(text).toContain('npm ci && npm test');
    const picture = text.indexOf('![');
    expect(picture).toBeGreaterThan(0);
    expect(picture).toBeLessThan(text.indexOf('npm ci && npm start'));
    expect(picture).toBeLessThan(text.indexOf('\n## '));
  });

  test('README and docs use only commands and options that exist', () => {
    const reference = read('docs/commands.md');
    const used = files.flatMap((file) =>
      [...read(file).matchAll(/(?:^|npx |`)balde ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?([^`\n#]*)/gm)].map(
        ([, command = '', sub = '', rest = '']) => ({
          file,
          command,
          sub,
          options: rest.match(/ --[a-z][a-z-]*/g) ?? [],
        }),
      ),
    );
    const wrong = used.filter(
      ({ command, options }) =>
        !reference.includes(`\`balde ${command}`) || options.some((option) => !reference.includes(option.trim())),
    );
    expect(wrong).toEqual([]);
    expect(used.length).toBeGreaterThan(20);
  });
});
