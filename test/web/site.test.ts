/** What the pages are, without a browser. */
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { NotFoundError } from '../../src/api/problem.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { Site } from '../../src/serve/answer.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { afterChange } from '../../src/web/buckets.ts';
import { momentOf } from '../../src/web/moments.ts';
import type { PageSource } from '../../src/web/pageSource.ts';
import { readerOf } from '../../src/web/reader.ts';
import { webSite } from '../../src/web/site.ts';
import { EN } from '../../src/web/texts/en.ts';
import { PT } from '../../src/web/texts/pt.ts';
import { wordsFor } from '../../src/web/words.ts';
import { asker, serving } from '../serve/asking.ts';
import { fakeApi } from './api.ts';
import { bucket, NOW, overview } from './fixtures.ts';

let source: PageSource;
let defects: unknown[];
beforeEach(() => {
  source = fakeApi().source;
  defects = [];
});

const pages = (): Site =>
  webSite({
    ...{ source, now: () => Date.parse(NOW), rules: DEFAULT_RULES },
    onError: (error) => defects.push(error),
  });

async function page(path: string, headers: Record<string, string> = {}) {
  const url = new URL(path, 'http://balde.invalid');
  const answer = await pages()({ method: 'GET', url, headers, signal: new AbortController().signal });
  if (answer === null || 'begin' in answer) throw new Error(`no page at ${path}`);
  return { ...answer, body: answer.body.toString() };
}

describe('a page', () => {
  it('[PAGE-27] weighs less than 100 kB compressed, with all that it loads', async () => {
    const { body } = await page('/buckets/12345678/CIDS_ENTRIES_READ?range=7d');
    const loaded = [...body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(loaded.map((path) => path.replace(/-[0-9a-f]+/, ''))).toEqual([
      ...['/assets/icon.svg', '/assets/style.css', '/assets/page.js'],
    ]);
    const bodies = [body, ...(await Promise.all(loaded.map(async (path) => (await page(path)).body)))];
    const bytes = bodies.reduce((sum, each) => sum + gzipSync(each).length, 0);
    expect(bytes).toBeLessThan(100_000);
    expect((await page(loaded[1] ?? '')).headers?.['cache-control']).toContain('immutable');
  });

  it('[PAGE-28] has no inline script or style, and data can’t end the element that holds them', async () => {
    const evil = '</script><script>alert(1)</script>';
    source = {
      ...source,
      overview: async () => await Promise.resolve(overview({ buckets: [{ ...bucket(0), endpoint_id: evil }] })),
    };
    const { body } = await page(`/?q=${encodeURIComponent('"><script>')}`);
    expect(body).not.toContain('<script>');
    expect(body).not.toMatch(/\sstyle="|\son[a-z]+="/);
    expect(body.match(/<script/g)).toHaveLength(2);
  });

  it('[PAGE-29] says what it can’t show: 404, 400, 503, and 500 without its innards', async () => {
    const failing = async (path: string, error: Error) => {
      source = { ...source, bucket: async () => await Promise.reject(error) };
      return await page(path);
    };
    const path = '/buckets/1/X';
    const missing = await failing(path, new NotFoundError('X of 1 was never observed'));
    expect([missing.status, missing.body.includes('Not found')]).toEqual([404, true]);
    const away = await failing(path, new DatabaseUnavailableError('away', { cause: null }));
    expect([away.status, away.body.includes('Try again')]).toEqual([503, true]);
    expect((await page('/?at=yesterdayish')).status).toBe(400);
    expect((await page('/?at=0001-01-01T00:00:00Z')).status).toBe(400);
    expect(defects).toEqual([]);
    const broken = await failing(path, new TypeError('secret innards'));
    expect([broken.status, broken.body.includes('secret innards'), defects.length]).toEqual([500, false, 1]);
  });

  it('[PAGE-25] speaks a reader’s language and names the zone of every time', async () => {
    const reader = (query: string, headers: Record<string, string>) => readerOf(new URLSearchParams(query), headers);
    expect(reader('', { 'accept-language': 'fr, pt;q=0.8, en;q=0.5' })).toEqual({
      ...{ language: 'pt-BR', zone: 'America/Sao_Paulo', theme: 'auto' },
    });
    expect(reader('lang=xx&theme=dark', { cookie: 'balde_lang=pt-BR; balde_zone=UTC' })).toEqual({
      ...{ language: 'pt-BR', zone: 'UTC', theme: 'dark' },
    });
    expect((await page('/?lang=pt-BR')).headers?.['set-cookie']).toMatch(/^balde_lang=pt-BR; /);
    const words = wordsFor({ language: 'pt-BR', zone: 'America/Sao_Paulo' });
    expect(words.time(NOW)).toBe('02/03/2026 12:04:05 BRT');
    expect([words.number(36_000), words.percent(6.25), words.duration(9_000)]).toEqual([
      ...['36.000', '6,3\u00a0%', '2\u00a0h\u00a030\u00a0min'],
    ]);
    expect(momentOf('2026-03-02T12:04:05', 'America/Sao_Paulo')).toBe(Date.parse(NOW));
    // Brazil had summer time until 2019.
    expect(momentOf('2019-01-31T12:00', 'America/Sao_Paulo')).toBe(Date.parse('2019-01-31T14:00:00Z'));
    expect([momentOf('2026-13-01', 'UTC'), momentOf('soon', 'UTC')]).toEqual([null, null]);
    expect(Object.keys(PT.reasons)).toEqual(Object.keys(EN.reasons));
  });

  it('[PAGE-23] a change leaves alone what it does not speak of', () => {
    const before = overview();
    const { buckets, ...rest } = before;
    const changed = afterChange(before, { ...rest, buckets: [], gone: [], order: [...buckets].reverse() });
    expect(changed.buckets).toEqual([...buckets].reverse());
  });
});

describe('the login form', () => {
  it('[PAGE-5] is drawn by the pages, says why it is shown again, and leads on where somebody wanted to go', async () => {
    const server = await serving({ token: { value: 'e2a1c0ffee-0123456789' }, sites: [pages()] });
    const ask = asker(server);
    const signIn = async (token: string, next: string) =>
      await ask('/login', {
        ...{ method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
        body: new URLSearchParams({ token, next }).toString(),
      });
    const form = await ask('/login?next=/what-if?for=3');
    expect(form.text).toContain('value="/what-if?for=3"');
    expect(form.text).not.toContain(EN.login.refused.wrong);
    const wrong = await signIn('not-the-token', '/what-if?for=3');
    expect([wrong.status, wrong.text.includes(EN.login.refused.wrong)]).toEqual([401, true]);
    expect(wrong.text).toContain('value="/what-if?for=3"');
    for (let i = 0; i < 9; i += 1) await signIn('not-the-token', '/');
    const often = await signIn('not-the-token', '/');
    expect([often.status, often.text.includes(EN.login.refused.slow)]).toEqual([429, true]);
    expect((await ask('/login?next=//evil.example/')).text).toContain('name="next" value="/"');
  });
});
