/** Asks a Prometheus every minute for counters of calls, and publishes what they say as windows. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import { messageOf, OutageError } from '../errors.ts';
import { readCounters } from './counters.ts';
import type { CounterLabels, CounterSeries } from './counters.ts';
import type { OutcomesPublisher } from './publish.ts';

interface PrometheusOptions {
  /** `http://host:9090`, maybe with user and password. */
  readonly url: string;
  /** A selector of counters. */
  readonly query: string;
  readonly labels: CounterLabels;
  /** Of counters without that label; `null`: those are left out. */
  readonly participant: string | null;
  readonly publisher: () => Promise<OutcomesPublisher>;
  readonly clock: Clock;
  /** Told of what did not work; it is tried again the next minute. */
  readonly onFailed: (error: unknown) => void;
  /** Told of each reason once. */
  readonly onLeftOut: (reason: string, series: number) => void;
}

/** The server can't be reached, or does not answer the question. */
export class PrometheusError extends OutageError {
  override readonly name = 'PrometheusError';
}

/** Windows that are looked at again: outages up to so long lose nothing. */
const LOOK_BACK_MS = 60 * MINUTE_MS;
/** What is asked for before that tells counters that are new from those that had been there. */
const BEFORE_MS = 10 * MINUTE_MS;
/** A scrape after the end of a window has to be there, or its last calls are missing. */
const SCRAPED_AFTER_MS = MINUTE_MS;
/** After the full minute. */
const LATE_MS = 5 * SECOND_MS;
const PATIENCE_MS = 30 * SECOND_MS;

/** Until the signal aborts. */
export async function watchPrometheus(options: PrometheusOptions, signal: AbortSignal): Promise<void> {
  const { clock, onFailed } = options;
  const look = prometheusLook(options);
  try {
    for (;;) {
      const now = clock.now();
      await clock.sleep(Math.floor(now / MINUTE_MS + 1) * MINUTE_MS + LATE_MS - now, signal);
      await look.once(signal).catch((error: unknown) => {
        signal.throwIfAborted();
        onFailed(error);
      });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await look.close();
  }
}

/** What was published stays known: a window is sent again only when it changed. */
export function prometheusLook(options: PrometheusOptions) {
  const sent = new Map<string, string>();
  const told = new Set<string>();
  let publisher: OutcomesPublisher | null = null;
  const publish = async (windows: readonly RequestOutcomesObserved[]): Promise<void> => {
    try {
      publisher ??= await options.publisher();
      await publisher.publish(windows);
    } catch (error) {
      await publisher?.close().catch(() => undefined);
      publisher = null;
      throw error;
    }
  };
  return {
    /** @returns how many windows were published */
    once: async (signal: AbortSignal): Promise<number> => {
      const { labels, participant, clock, onLeftOut } = options;
      const now = clock.now();
      const to = Math.floor((now - SCRAPED_AFTER_MS) / MINUTE_MS) * MINUTE_MS;
      const from = to - LOOK_BACK_MS;
      const series = await ask(options, now, now - from + BEFORE_MS, signal);
      const { windows, leftOut } = readCounters(series, { labels, participant, from, to, now });
      for (const [reason, count] of leftOut) if (!told.has(reason)) onLeftOut(reason, count);
      for (const reason of leftOut.keys()) told.add(reason);
      const changed = windows.filter((window) => sent.get(keyOf(window)) !== contentOf(window));
      if (changed.length > 0) await publish(changed);
      for (const window of changed) sent.set(keyOf(window), contentOf(window));
      for (const key of sent.keys()) if (Number(key.slice(0, key.indexOf('\n'))) < from) sent.delete(key);
      return changed.length;
    },
    close: async (): Promise<void> => await publisher?.close(),
  };
}

const keyOf = ({ windowStart, participant, policy, source, operation }: RequestOutcomesObserved): string =>
  [windowStart, participant, policy, source, operation].join('\n');
const contentOf = ({ revision: _revision, ...content }: RequestOutcomesObserved): string => JSON.stringify(content);

const ANSWER = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), values: z.array(z.tuple([z.number(), z.string()])) }),
    ),
  }),
});
const REFUSAL = z.object({ error: z.string() });

/** The samples of a length of time until now, as they were scraped. @throws {PrometheusError} */
async function ask({ url, query }: PrometheusOptions, now: EpochMs, ms: number, signal: AbortSignal) {
  const { origin, pathname, username, password } = new URL(url);
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username === '' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
  const asked = { query: `${query}[${Math.ceil(ms / SECOND_MS)}s]`, time: String(now / SECOND_MS) };
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  let body: unknown;
  try {
    const response = await fetch(`${origin}${pathname.replace(/\/$/, '')}/api/v1/query`, {
      ...{ method: 'POST', body: new URLSearchParams(asked), signal: patience, headers: authorization },
    });
    body = await response.json();
  } catch (cause) {
    signal.throwIfAborted();
    throw new PrometheusError(`OUTCOMES_PROMETHEUS_URL: ${origin} does not answer: ${reasonOf(cause)}`, { cause });
  }
  const answer = ANSWER.safeParse(body);
  if (answer.success) return answer.data.data.result.map(seriesOf);
  const refusal = REFUSAL.safeParse(body);
  throw new PrometheusError(
    refusal.success
      ? `OUTCOMES_PROMETHEUS_QUERY: ${refusal.data.error}. It has to be a selector of counters, such as dict_requests_total{job="payments"}`
      : `OUTCOMES_PROMETHEUS_URL: what ${origin} answers is not of Prometheus`,
  );
}

/** The cause says more than "fetch failed". */
const reasonOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);

const seriesOf = ({ metric, values }: z.infer<typeof ANSWER>['data']['result'][number]): CounterSeries => ({
  labels: metric,
  samples: values
    .map(([seconds, count]): [EpochMs, number] => [Math.round(seconds * SECOND_MS), Number(count)])
    .filter(([, count]) => Number.isFinite(count)),
});
