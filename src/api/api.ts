/** What is asked of Balde over HTTP, by machines and by the pages: each question is answered in one snapshot. */
import type { EpochMs } from '../domain/events.ts';
import { MINUTE_MS } from '../domain/time.ts';
import type { StreamedAnswer } from '../serve/answer.ts';
import { observe, shared, sharedBy } from '../serve/observing.ts';
import type { Sql } from '../store/database.ts';
import { committedMark } from '../store/checkpoints.ts';
import type { SeriesRange } from '../views/series.ts';
import { sparklines } from '../views/sparklines.ts';
import type { Sparkline } from '../views/sparklines.ts';
import { alertOf, alertsOf } from './alerts.ts';
import type { AlertsAsked } from './alerts.ts';
import type { AlertAnswer, AlertsAnswer, BucketAnswer, Overview, PayerAnswer, WhatIfAnswer } from './answers.ts';
import { bucketOf } from './bucket.ts';
import type { BucketAsked } from './bucket.ts';
import { callsOf } from './calls.ts';
import type { CallsSummaries } from './calls.ts';
import { historyCsv } from './history.ts';
import { Hub } from './hub.ts';
import { kept } from './kept.ts';
import { overviewOf, withSparklines } from './overview.ts';
import { payerOf } from './payers.ts';
import type { PayerAsked } from './payers.ts';
import type { Sources } from './sources.ts';
import { streamOf } from './stream.ts';
import { Studies } from './studies.ts';
import { answerWhatIf } from './whatIf.ts';
import type { WhatIfAsked } from './whatIf.ts';

/** Every method: @throws {DatabaseUnavailableError}. Who asks for the same at the same time gets the same answer. */
export interface Api {
  /** @param at a past moment; `null`: now, or a moment ago */
  overview(at: EpochMs | null): Promise<Overview>;
  /** @throws {NotFoundError} there never was such a bucket, or not yet then */
  bucket(asked: BucketAsked): Promise<BucketAnswer>;
  /** @throws {NotFoundError} none fits, and there never was such a participant or policy */
  alerts(asked: AlertsAsked): Promise<AlertsAnswer>;
  /** @throws {NotFoundError} there is no such alert */
  alert(id: string): Promise<AlertAnswer>;
  /**
   * Waits for its turn; cancelled when nobody waits for it any more.
   * @throws {NotFoundError} there never was such a bucket
   * @throws {TooMuchError} it takes too long
   */
  whatIf(asked: WhatIfAsked, signal: AbortSignal): Promise<WhatIfAnswer>;
  /** @throws {NotFoundError} there never was such a bucket */
  historyCsv(range: SeriesRange, signal: AbortSignal): Promise<StreamedAnswer>;
  payer(asked: PayerAsked): Promise<PayerAnswer>;
  /** The overview as it changes, for all who watch. */
  readonly hub: Hub;
  readonly stream: StreamedAnswer;
}

/** A sparkline's newest slot is half an hour long. Milliseconds. */
const SPARKLINES_MS = MINUTE_MS;
/** What many ask for at once is read so often, and no more: the stream tells each what came since. Milliseconds. */
const OVERVIEW_MS = 1_000;

export function apiOf({ database, studied, now, rules, lag, forms }: Sources): Api {
  const reading = async <T>(read: (tx: Sql) => Promise<T>): Promise<T> => await observe(database, read);
  const lines = kept(SPARKLINES_MS, sparklines);
  const calls = callsOf(reading, now);
  const overviewAt = async (at: EpochMs | null): Promise<Overview> => {
    // Sums over days of all buckets are made for the present alone.
    const told: CallsSummaries = at === null ? await calls.now() : new Map();
    return await reading(async (tx) => {
      const drawn = at === null ? await lines.get(tx, {}, now()) : new Map<string, Sparkline>();
      return await overviewOf(tx, { at, now: now(), rules, lag, sparklines: drawn, calls: told });
    });
  };
  const overviewNow = shared(kept(OVERVIEW_MS, async () => await overviewAt(null)).get);
  // The past does not change: its lines are read on the other connection meanwhile.
  const overviewThen = sharedBy(async (at: EpochMs) => {
    const reads = [overviewAt(at), reading(async (tx) => await sparklines(tx, {}, at))] as const;
    return withSparklines(...(await Promise.all(reads)));
  });
  // What was kept may be older than the commit that made the hub look.
  const hub = new Hub({ overview: async () => await overviewAt(null), mark: async () => await reading(committedMark) });
  const studies = new Studies();
  return {
    overview: async (at) => await (at === null ? overviewNow() : overviewThen(at)),
    bucket: sharedBy(async (asked) => {
      const { participant, policy, at } = asked;
      const told = await calls.ofBucket(asked);
      return await reading(async (tx) => {
        const known = at === null ? lines.known() : null;
        const drawn = known ?? (await sparklines(tx, { participant, policy }, at ?? now()));
        return await bucketOf(tx, { ...asked, now: now(), rules, sparklines: drawn, calls: told });
      });
    }),
    alerts: sharedBy(async (asked) => await reading(async (tx) => await alertsOf(tx, asked))),
    alert: sharedBy(async (id) => await reading(async (tx) => await alertOf(tx, id, forms))),
    whatIf: async (asked, signal) =>
      await studies.ask(JSON.stringify(asked), signal, async (stop) => await answerWhatIf(studied, asked, forms, stop)),
    historyCsv: async (range, signal) => await historyCsv({ database: studied, rules, forms }, range, signal),
    payer: sharedBy(async (asked) => await reading(async (tx) => await payerOf(tx, asked, now()))),
    hub,
    stream: streamOf(hub),
  };
}
