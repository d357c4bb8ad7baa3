/** Compares what /metrics shows with the tables, series by series, from the exposition text on. */
import type { EpochMs } from '../domain/events.ts';
import { MIN_QUERIES } from '../domain/notFoundRate.ts';
import type { Metrics } from '../serve/metrics.ts';
import type { Sql } from '../store/database.ts';

const METRIC_PREFIX = 'dict_rate_limit_';

/** Series of an exposition text as `name{labels}` with labels in order of name, and their values. */
function parseExposition(text: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) continue;
    const [, name = '', labels = '', value = ''] = match;
    const sorted = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([pair]) => pair).sort();
    series.set(`${name}{${sorted.join(',')}}`, Number(value));
  }
  return series;
}

/** Series that differ from, lack in, or exceed what the tables say at a time; empty when all agree. */
export async function metricsDisagreements(metrics: Metrics, sql: Sql, at: EpochMs): Promise<string[]> {
  const shown = parseExposition(await metrics.scrape());
  const expected = await expectedSeries(sql, at);
  const relevant = [...shown.keys()].filter(
    (key) => key.startsWith(METRIC_PREFIX) && !key.includes('_duration_seconds'),
  );
  return [
    ...[...expected].filter(([key, value]) => shown.get(key) !== value).map(([key]) => key),
    ...relevant.filter((key) => !expected.has(key) && !hasNotCounted(key, shown.get(key))),
  ];
}

/** Counters whose labels are known begin at 0; what never happened is in no table. */
const hasNotCounted = (key: string, value: number | undefined): boolean => key.includes('_total{') && value === 0;

/** Straight from history and alerts, not from the views that the metrics read. */
async function expectedSeries(sql: Sql, at: EpochMs): Promise<Map<string, number>> {
  const rows = await sql.query<{ series: string; value: number }>(
    `with newest as (
       select distinct on (participant, endpoint_id) * from dict_rate_limit_states
       order by participant, endpoint_id, response_time desc
     ), labelled as (
       select *, format('endpoint_id="%s",participant="%s",psp_category="%s"', endpoint_id, participant, psp_category) as l
       from newest
     ), counted as (
       select format('endpoint_id="%s",participant="%s",psp_category="%s",severity="%s"',
         endpoint_id, participant, psp_category, severity) as l,
         count(*)::double precision as created, (count(*) filter (where resolved))::double precision as resolved
       from dict_rate_limit_alerts group by 1
     )
     select format('dict_rate_limit_%s{%s}', name, l) as series, value from labelled
     cross join lateral (values
       ('available_tokens', available_tokens::double precision),
       ('capacity', capacity),
       ('utilization_percent', utilization_percent),
       ('consumption_rate_per_minute', consumption_rate_per_minute),
       ('consumption_rate_low_per_minute', consumption_rate_low_per_minute),
       ('recovery_eta_seconds', recovery_eta_seconds),
       ('exhaustion_projection_seconds', exhaustion_projection_seconds),
       ('error_404_rate', (
         select r.error_404_rate from dict_rate_limit_404_rates_at($1::timestamptz) r
         where r.participant = labelled.participant and r.endpoint_id = labelled.endpoint_id
           and r.hours = 24 and r.queries >= ${MIN_QUERIES}
       ))
     ) as gauges (name, value) where value is not null
     union all select format('dict_rate_limit_alerts_created_total{%s}', l), created from counted
     union all select format('dict_rate_limit_alerts_resolved_total{%s}', l), resolved from counted`,
    [new Date(at).toISOString()],
  );
  return new Map(rows.map(({ series, value }) => [series, value]));
}
