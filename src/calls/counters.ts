/**
 * Counters as a Prometheus scraped them, turned into windows of calls. Pure.
 *
 * A sample says how many calls there were until its time. What came between two samples is shared out evenly over the
 * time between them, in whole calls: none is lost where a scrape failed, and none counted twice at a window's edge. A
 * counter that fell began anew: what it shows is what came since.
 */
import type { EpochMs } from '../domain/events.ts';
import { invalidOutcomes, UNNAMED } from '../domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { wholeNumber } from '../domain/texts.ts';
import { MINUTE_MS } from '../domain/time.ts';
import { counterOf } from './sums.ts';

export interface CounterSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** By time. */
  readonly samples: readonly (readonly [at: EpochMs, count: number])[];
}

/** The names of the labels that say what was called. */
export interface CounterLabels {
  readonly participant: string;
  readonly policy: string;
  readonly status: string;
  readonly source: string;
  readonly operation: string;
}

export interface CountersAsked {
  readonly labels: CounterLabels;
  /** Of series without that label. */
  readonly participant: string | null;
  /** The windows asked for: full minutes. What came before `from` tells which series are new. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly now: EpochMs;
}

interface CountersRead {
  /** By time. A window that changes comes again with a higher revision. */
  readonly windows: readonly RequestOutcomesObserved[];
  /** Why series were left out, and how many for each reason. */
  readonly leftOut: ReadonlyMap<string, number>;
}

const WINDOW_MS = MINUTE_MS;

/** Of one participant, policy and source: how far all of its series were scraped. */
interface Told {
  until: EpochMs;
}

type Window = { -readonly [K in keyof RequestOutcomesObserved]: RequestOutcomesObserved[K] };
type Identity = Pick<RequestOutcomesObserved, 'participant' | 'policy' | 'source' | 'operation'>;

export function readCounters(series: readonly CounterSeries[], asked: CountersAsked): CountersRead {
  const windows = new Map<string, Window>();
  const told = new Map<string, Told>();
  const leftOut = new Map<string, number>();
  const targets = timesOfTargets(series);
  for (const one of series) {
    const last = one.samples.at(-1);
    const called = calledBy(one.labels, asked);
    if (typeof called === 'string') leftOut.set(called, (leftOut.get(called) ?? 0) + 1);
    if (typeof called === 'string' || last === undefined) continue;
    const mark = told.get(sourceOf(called.identity));
    told.set(sourceOf(called.identity), { until: Math.min(mark?.until ?? Infinity, last[0]) });
    addUp(windows, called, one, targets.get(targetOf(one.labels)) ?? [], asked);
  }
  const sorted = [...windows.values()].sort((a, b) => a.windowStart - b.windowStart);
  return { windows: marked(sorted, told), leftOut };
}

interface Called {
  readonly identity: Identity;
  readonly status: number;
}

/** @returns text: why it can't be told */
function calledBy(labels: CounterSeries['labels'], asked: CountersAsked): Called | string {
  const { participant, policy, status, source, operation } = asked.labels;
  const identity = {
    participant: labels[participant] ?? asked.participant ?? '',
    policy: labels[policy] ?? '',
    source: named(labels[source]),
    operation: named(labels[operation]),
  };
  const code = statusOf(labels[status] ?? '');
  if (code === null) return `label ${status} is no status of HTTP, such as 200 or 2xx`;
  const invalid = invalidOutcomes(empty(identity, asked.from, 0));
  return invalid ?? { identity, status: code };
}

const named = (label: string | undefined): string => (label === undefined || label === '' ? UNNAMED : label);

/** `2xx` is read as 200; of the other classes nothing tells which of their statuses it was. */
function statusOf(text: string): number | null {
  if (text.toLowerCase() === '2xx') return 200;
  const code = wholeNumber(text);
  return code !== null && code >= 100 && code <= 599 ? code : null;
}

const sourceOf = ({ participant, policy, source }: Identity): string => `${participant}\n${policy}\n${source}`;
const targetOf = ({ job = '', instance = '' }: CounterSeries['labels']): string => `${job}\n${instance}`;

/** When each target was scraped first, and when its later series were. */
function timesOfTargets(series: readonly CounterSeries[]): ReadonlyMap<string, readonly EpochMs[]> {
  const times = new Map<string, Set<EpochMs>>();
  for (const { labels, samples } of series) {
    const own = times.get(targetOf(labels)) ?? new Set();
    for (const [at] of samples) own.add(at);
    times.set(targetOf(labels), own);
  }
  return new Map([...times].map(([target, own]) => [target, [...own].sort((a, b) => a - b)]));
}

/** Calls that came after `begin` and not after `end`. */
interface Step {
  readonly begin: EpochMs;
  readonly end: EpochMs;
  readonly count: number;
}

/**
 * A series whose target was scraped before without it began with its first call: what it shows first is new. One that
 * comes with its target may have counted for long.
 */
function stepsOf({ samples }: CounterSeries, scraped: readonly EpochMs[]): Step[] {
  const [first] = samples;
  if (first === undefined) return [];
  const before = scraped.findLast((at) => at < first[0]);
  const steps = before === undefined ? [] : [{ begin: before, end: first[0], count: Math.round(first[1]) }];
  for (let i = 1; i < samples.length; i += 1) {
    const [[begin, was], [end, is]] = [samples[i - 1] ?? first, samples[i] ?? first];
    steps.push({ begin, end, count: Math.round(is >= was ? is - was : is) });
  }
  return steps;
}

function addUp(
  windows: Map<string, Window>,
  { identity, status }: Called,
  series: CounterSeries,
  scraped: readonly EpochMs[],
  { from, to, now }: CountersAsked,
): void {
  const counter = counterOf(status);
  for (const { begin, end, count } of stepsOf(series, scraped)) {
    let given = sharedUpTo(from, begin, end, count);
    const first = Math.floor(Math.max(from, begin) / WINDOW_MS) * WINDOW_MS;
    for (let start = first; start < Math.min(to, end); start += WINDOW_MS) {
      const upTo = sharedUpTo(start + WINDOW_MS, begin, end, count);
      const key = `${start}\n${sourceOf(identity)}\n${identity.operation}`;
      const window = windows.get(key) ?? empty(identity, start, revisionOf(start, now));
      windows.set(key, window);
      window[counter] += upTo - given;
      given = upTo;
    }
  }
}

/** Of `count` calls, how many came until `at`. */
const sharedUpTo = (at: EpochMs, begin: EpochMs, end: EpochMs, count: number): number =>
  Math.floor(count * Math.min(1, Math.max(0, (at - begin) / (end - begin))));

/** Minutes since it was over: whoever looks later knows more, and needs no memory of what was sent. */
const revisionOf = (start: EpochMs, now: EpochMs): number => Math.max(0, Math.floor((now - start) / WINDOW_MS) - 1);

const empty = (identity: Identity, windowStart: EpochMs, revision: number): Window => ({
  ...{ type: 'RequestOutcomesObserved', ...identity, windowStart, windowEnd: windowStart + WINDOW_MS },
  ...{ status200: 0, status404: 0, status429: 0, status500: 0, statusOther: 0, paymentOrderCredits: 0 },
  ...{ cacheHits: null, paymentOrders: null, revision, completeUpTo: null },
});

/** The last window that a source and policy has of a time says that all of it was told, if it was. */
function marked(windows: readonly Window[], told: ReadonlyMap<string, Told>): readonly RequestOutcomesObserved[] {
  const seen = new Set<string>();
  for (const window of windows.toReversed()) {
    const key = `${window.windowStart}\n${sourceOf(window)}`;
    const isLast = !seen.has(key);
    seen.add(key);
    if (isLast && (told.get(sourceOf(window))?.until ?? 0) >= window.windowEnd) window.completeUpTo = window.windowEnd;
  }
  return windows;
}
