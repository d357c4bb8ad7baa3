/** Which page an address is of, and what it is drawn from. */
import { isTellable } from '../api/asked.ts';
import { whatIfAsked } from '../api/whatIf.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import { UsageError } from '../errors.ts';
import type { Asked } from '../serve/answer.ts';
import { isRefused } from '../serve/login.ts';
import { ownPath } from '../serve/target.ts';
import { filterOf } from './addresses.ts';
import type { PageData } from './App.tsx';
import { triedOf } from './explained.ts';
import { momentOf } from './moments.ts';
import type { PageSource } from './pageSource.ts';
import { DEFAULT_RANGE, namedRange, rangeUpTo } from './ranges.ts';
import type { RangeName, TimeRange } from './ranges.ts';
import type { Reader } from './reader.ts';
import { trialOf, trialQuestion } from './trial.ts';

export interface Visit {
  readonly asked: Asked;
  readonly query: URLSearchParams;
  readonly reader: Reader;
  /** Of the path, decoded. */
  readonly segments: readonly string[];
  /** Milliseconds. */
  readonly now: number;
  /** The rules in force. */
  readonly rules: ThresholdRules;
}

export type Page = (source: PageSource, visit: Visit) => Promise<PageData>;

/** `null`: no page has this address. */
export function pageAt([first = '', ...rest]: readonly string[]): Page | null {
  if (first === '') return overviewPage;
  if (first === 'buckets' && rest.length === 2) return bucketPage;
  if (first === 'alerts' && rest.length === 1) return alertPage;
  if (first === 'what-if' && rest.length === 0) return whatIfPage;
  if (first === 'login' && rest.length === 0) return loginPage;
  return null;
}

const overviewPage: Page = async (source, visit) => ({
  page: 'overview',
  reader: visit.reader,
  overview: await source.overview(pastOf(visit)),
  filter: filterOf(visit.query),
});

const bucketPage: Page = async (source, visit) => {
  const [, participant = '', policy = ''] = visit.segments;
  const at = pastOf(visit);
  const { range, name } = rangeAsked(visit, at ?? visit.now);
  return {
    page: 'bucket',
    reader: visit.reader,
    answer: await source.bucket({ participant, policy, ...range, at }),
    range: name,
  };
};

const alertPage: Page = async (source, { segments: [, id = ''], reader }) => ({
  page: 'alert',
  reader,
  answer: await source.alert(id),
});

/** The browser asks for the answer itself; without scripts a button brings `run`. */
const whatIfPage: Page = async (source, { asked, query, reader, rules, now }) => {
  const trial = trialOf(query, rules);
  const { buckets } = await source.overview(null);
  const question = new URL(trialQuestion(trial, now), asked.url);
  return {
    page: 'whatIf',
    ...{ reader, trial, now },
    production: rules,
    buckets: buckets.map(({ participant, endpoint_id }) => ({ participant, endpoint_id })),
    tried: query.has('run') ? triedOf(await source.whatIf(whatIfAsked(question, rules), asked.signal)) : null,
  };
};

const loginPage: Page = async (_source, { query, reader }) => {
  const refused = query.get('refused');
  return await Promise.resolve<PageData>({
    page: 'login',
    reader,
    refused: isRefused(refused) ? refused : null,
    next: ownPath(query.get('next')),
  });
};

/** @throws {UsageError} it is no time, or one to come */
function pastOf({ query, reader, now }: Visit): number | null {
  const at = timeAt('at', query, reader);
  if (at !== null && at > now) throw new UsageError('at must not be in the future');
  return at;
}

function timeAt(name: string, query: URLSearchParams, { zone }: Reader): number | null {
  const text = query.get(name) ?? '';
  if (text === '') return null;
  const at = momentOf(text, zone);
  if (at === null || !isTellable(at))
    throw new UsageError(`${name} must be a time such as 2026-01-31T12:00 or 2026-01-31T12:00:00Z`);
  return at;
}

/** From here to there, else a named one up to `end`. */
function rangeAsked(visit: Visit, end: number): { readonly range: TimeRange; readonly name: RangeName | null } {
  const [from, to] = [timeAt('from', visit.query, visit.reader), timeAt('to', visit.query, visit.reader)];
  if (from === null && to === null) {
    const name = namedRange(visit.query.get('range')) ?? DEFAULT_RANGE;
    return { range: rangeUpTo(name, end), name };
  }
  const range = { from: from ?? (to ?? end) - 3_600_000, to: to ?? end };
  if (range.from >= range.to) throw new UsageError('from must be before to');
  return { range, name: null };
}
