/** The observations of a bucket as CSV, page by page: as long as the range is, as little of it is held at once. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ThresholdRules } from '../domain/thresholds.ts';
import { pickBuckets } from '../operate/buckets.ts';
import type { Asked, StreamedAnswer } from '../serve/answer.ts';
import type { Database } from '../store/database.ts';
import { oldestPoints } from '../views/history.ts';
import type { SeriesRange } from '../views/series.ts';
import { found } from './bucket.ts';
import type { Forms } from './forms.ts';

export const CSV = 'text/csv; charset=utf-8';

const PAGE = 2_000;

interface Source {
  readonly database: Database;
  readonly rules: ThresholdRules;
  readonly forms: Pick<Forms, 'historyCsv'>;
}

/** Each page as text, the first one with the header. */
async function* pagesOf({ database, rules, forms }: Source, range: SeriesRange): AsyncGenerator<string, undefined> {
  for (let from: number | null = range.from; from !== null;) {
    const points = await oldestPoints(database, { ...range, from }, PAGE);
    const csv = forms.historyCsv(points, rules);
    yield from === range.from ? csv : csv.slice(csv.indexOf('\n') + 1);
    const last = points.at(-1);
    from = points.length < PAGE || last === undefined ? null : last.response_time + 1;
  }
}

/** @throws {NotFoundError} there never was such a bucket */
export async function historyCsv(source: Source, range: SeriesRange, signal: Asked['signal']): Promise<StreamedAnswer> {
  const { participant, policy } = range;
  await found(async () => await pickBuckets(source.database, { participant, policy }));
  const pages = pagesOf(source, range);
  // What fails at once is told by its status.
  const first = await pages.next();
  const name = `${participant}-${policy.replaceAll(/[^\w.-]/g, '_')}.csv`;
  return {
    begin: (response) => {
      response.writeHead(200, {
        'content-type': CSV,
        'content-disposition': `attachment; filename="${name}"`,
        'cache-control': 'no-store',
      });
      // Half of it would read as the whole: an answer that fails is broken off.
      send(response, first.value ?? '', pages, signal).catch(() => response.destroy());
    },
  };
}

async function send(
  response: ServerResponse,
  first: string,
  rest: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const write = async (page: string): Promise<void> => {
    if (!response.write(page)) await once(response, 'drain', { signal });
    signal.throwIfAborted();
  };
  await write(first);
  for await (const page of rest) await write(page);
  response.end();
}
