/** The overview as `balde status --watch` draws it. */
import type { BucketSummary, Overview, Problem } from '../../api/answers.ts';
import { durationText, numberText, percentText, timeText } from '../../format.ts';
import type { StatusFilter } from '../../operate/status.ts';
import { shortId } from './alerts.ts';
import { callsText } from './calls.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

interface Shown {
  readonly bucket: BucketSummary;
  /** Since the overview was read, seconds. */
  readonly later: number;
}

/** Of a time as JSON has it, until then; negative: it is over. Seconds. */
const secondsFrom = (time: string, seconds: number, now: number): number => (Date.parse(time) - now) / 1000 + seconds;

function emptyText({ bucket: { forecast }, now }: { readonly bucket: BucketSummary; readonly now: number }): string {
  if (forecast === null) return '-';
  const { created_at: at, seconds_to_zero: seconds } = forecast;
  return durationText(secondsFrom(at, seconds, now));
}

const columns = (now: number): readonly Column<Shown>[] => [
  { title: 'HEALTH', value: ({ bucket }) => bucket.health_status },
  {
    title: 'SINCE',
    value: ({ bucket: { level_since: since } }) => (since === null ? '-' : timeText(Date.parse(since))),
  },
  { title: 'PARTICIPANT', value: ({ bucket }) => bucket.participant },
  { title: 'POLICY', value: ({ bucket }) => bucket.endpoint_id },
  { title: 'LEFT', value: ({ bucket }) => percentText(bucket.remaining_percent), right: true },
  { title: 'TOKENS', value: ({ bucket }) => numberText(bucket.available_tokens), right: true },
  { title: 'CAPACITY', value: ({ bucket }) => numberText(bucket.capacity), right: true },
  { title: 'AGE', value: ({ bucket, later }) => durationText(bucket.age_seconds + later), right: true },
  { title: 'FULL IN', value: ({ bucket }) => durationText(bucket.full_in_seconds), right: true },
  { title: 'EMPTY IN', value: ({ bucket }) => emptyText({ bucket, now }), right: true },
];

/** What fits; a problem stays. */
export function narrowedOverview(seen: Overview | Problem, { participant, policy, level }: StatusFilter) {
  if (!('buckets' in seen)) return seen;
  const fits = (one: Pick<BucketSummary, 'participant' | 'endpoint_id'>): boolean =>
    (participant ?? one.participant) === one.participant && (policy ?? one.endpoint_id) === one.endpoint_id;
  return {
    ...seen,
    buckets: seen.buckets.filter((one) => fits(one) && (level ?? one.health_status) === one.health_status),
    alerts: seen.alerts.filter((one) => fits(one) && (level ?? one.severity) === one.severity),
  };
}

/** @param now of the machine that draws: ages go on between two overviews */
export function watchText(seen: Overview | Problem, where: string, now: number): string[] {
  if (!('buckets' in seen)) return [where, '', `${seen.title}: ${seen.detail}`, 'It goes on when that is over.'];
  const { as_of: asOf, buckets, alerts, pipeline } = seen;
  const later = Math.max(0, now - Date.parse(asOf)) / 1000;
  const open = alerts.filter(({ resolved_at: end }) => end === null);
  const concerns = pipeline?.concerns ?? [];
  return [
    `${where}; ${timeText(now)}, Ctrl-C ends it`,
    '',
    ...(buckets.length === 0
      ? ['no bucket like that, or no observation yet']
      : table(
          columns(now),
          buckets.map((bucket) => ({ bucket, later })),
        )),
    '',
    open.length === 0 ? 'no open alert' : `${open.length} open:`,
    ...open.map(({ id, created_at: at, message }) => `  ${shortId(id)}  ${timeText(Date.parse(at))}  ${message}`),
    ...callsText(buckets),
    ...(concerns.length === 0 ? [] : ['', ...concerns.map(({ text }) => `! ${text}`)]),
  ];
}
