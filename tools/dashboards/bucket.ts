/** One bucket: how full it is and was, how much was taken, and by whom, what was foreseen and raised. */
import { GraphDrawStyle, VisibilityMode } from '@grafana/grafana-foundation-sdk/common';
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import * as units from '@grafana/grafana-foundation-sdk/units';
import { callPanels } from './calls.ts';
import type { Page } from './classic.ts';
import {
  dashboard,
  figures,
  fixedColor,
  inColor,
  LEFT_STEPS,
  LEVELS,
  list,
  OUTCOMES,
  participantVariable,
  policyVariable,
  series,
  shown,
  stacked,
  steps,
  unit,
  withPanels,
} from './panels.ts';
import { graph, POSTGRES, rows } from './query.ts';
import { beyond, THIS_BUCKET, upTo } from './sql.ts';

const now = () =>
  figures(
    'Now',
    [24, 4],
    rows(`
      select
        health_status as "Health", remaining_percent as "Left", available_tokens as "Tokens",
        exhaustion_projection_seconds as "Empty in", recovery_eta_seconds as "Full in",
        consumption_rate_per_minute as "Taken a minute", psp_category as "Category", age_seconds as "Age"
      from v_dict_rate_limit_latest_states
      where ${THIS_BUCKET}`),
  )
    .description(
      'Empty in: if the drain goes on as it did. Full in: without any traffic. Taken a minute: as estimated, empty where only bounds are known.',
    )
    .overrideByName('Health', [{ id: 'mappings', value: [LEVELS] }])
    .overrideByName('Left', [...unit(units.Percent, 1), { id: 'thresholds', value: steps(...LEFT_STEPS).build() }])
    .overrideByName('Tokens', unit(units.LocaleFormat))
    .overrideByName('Empty in', unit(units.DurationSeconds))
    .overrideByName('Full in', unit(units.DurationSeconds))
    .overrideByName('Taken a minute', unit(units.LocaleFormat, 0))
    .overrideByName('Age', unit(units.Seconds, 0));

const levelsOf = (view: string, condition: string): string => `
        select starts_at, lowest_tokens, highest_tokens, lowest_capacity
        from ${view}
        where ${THIS_BUCKET} and $__timeFilter(starts_at) and ${condition}`;

const tokens = () =>
  series(
    'Tokens left',
    [24, 11],
    graph(`
      select
        time, lowest as "Lowest", highest as "Highest", capacity as "Capacity",
        capacity * warning_percent / 100 as "Warning", capacity * critical_percent / 100 as "Critical"
      from (
        select response_time as time, available_tokens as lowest, available_tokens as highest, capacity
        from dict_rate_limit_states
        where ${THIS_BUCKET} and $__timeFilter(response_time) and ${upTo('observations')}
        union all${levelsOf('dict_rate_limit_rollup_5m', `${beyond('observations')} and ${upTo('m5')}`)}
        union all${levelsOf('dict_rate_limit_rollup_hours', `${beyond('m5')} and ${upTo('hours')}`)}
        union all${levelsOf('dict_rate_limit_rollup_days_utc', beyond('hours'))}
      ) level
      cross join dict_rate_limit_thresholds
      order by time`),
  )
    .description(
      'Each observation up to two days; lowest and highest of every 5 minutes up to ten, of hours up to a hundred, ' +
        'then of days of UTC. Below zero the bucket is in debt. Thresholds are those of now.',
    )
    .unit(units.LocaleFormat)
    .overrideByName('Lowest', fixedColor('blue'))
    .overrideByName('Highest', [...fixedColor('light-blue'), ...filledTo('Lowest')])
    .overrideByName('Capacity', fixedColor('green'))
    .overrideByName('Warning', [...fixedColor('orange'), ...DASHED])
    .overrideByName('Critical', [...fixedColor('red'), ...DASHED]);

/** Colours what lies between a line and a lower one. */
const filledTo = (lower: string, opacity = 15) => [
  { id: 'custom.fillBelowTo', value: lower },
  { id: 'custom.fillOpacity', value: opacity },
];
const THIN = [{ id: 'custom.lineWidth', value: 0 }];
const DASHED = [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 8] } }];

/**
 * Bounds alone: estimates of a period can be summed, their intervals can't. An hour or a day that isn't over has had
 * its time until its newest observation.
 */
const consumedOf = (view: string, condition: string): string => `
        select starts_at, consumption_low, consumption_high, null, null, null,
          extract(epoch from case when is_open then last_at else ends_at end - starts_at) / 60
        from ${view}
        where ${THIS_BUCKET} and $__timeFilter(starts_at) and ${condition}`;

const taken = (columns: string) =>
  graph(`
      select
        time, ${columns},
        (select refill_tokens * 60.0 / refill_period_sec from dict_rate_limit_policies where ${THIS_BUCKET}) as "Refill"
      from (
        select response_time as time, consumption_low as low, consumption_high as high,
          consumption_low80 as low80, consumption_high80 as high80, consumption_estimate as estimate,
          extract(epoch from response_time - lag(response_time) over (order by response_time)) / 60 as minutes
        from dict_rate_limit_states
        where ${THIS_BUCKET} and $__timeFilter(response_time) and ${upTo('observations')}
        union all${consumedOf('dict_rate_limit_rollup_hours', `${beyond('observations')} and ${upTo('hours')}`)}
        union all${consumedOf('dict_rate_limit_rollup_days_utc', beyond('hours'))}
      ) taken
      order by time`);

/** Apart from the bounds, which are many times as far apart where seconds lie between two polls. */
const estimate = () =>
  series(
    'Taken a minute, as estimated, and the 80 % interval',
    [12, 9],
    taken(
      'low80 / nullif(minutes, 0) as "80 % from", high80 / nullif(minutes, 0) as "80 % to", ' +
        'estimate / nullif(minutes, 0) as "Estimate"',
    ),
  )
    .description(
      'Between observations, up to two days. Above the refill the bucket drains. The truth is within the interval four ' +
        'times of five; no line: only bounds are known.',
    )
    .unit(units.LocaleFormat)
    .decimals(0)
    .overrideByName('80 % to', [...fixedColor('orange'), ...THIN, ...filledTo('80 % from', 30)])
    .overrideByName('80 % from', [...fixedColor('orange'), ...THIN])
    .overrideByName('Estimate', [...fixedColor('dark-orange'), { id: 'custom.lineWidth', value: 2 }])
    .overrideByName('Refill', [...fixedColor('green'), ...DASHED]);

const bounds = () =>
  series(
    'Taken a minute, at least and at most',
    [12, 9],
    taken('low / nullif(minutes, 0) as "At least", high / nullif(minutes, 0) as "At most"'),
  )
    .description(
      'Between observations up to two days; of hours up to a hundred days, then of days of UTC. No line at most: ' +
        'nothing bounds it there.',
    )
    .unit(units.LocaleFormat)
    .decimals(0)
    .overrideByName('At most', [...fixedColor('light-orange'), ...filledTo('At least')])
    .overrideByName('At least', fixedColor('orange'))
    .overrideByName('Refill', [...fixedColor('green'), ...DASHED]);

const lowOf = (view: string, condition: string): string => `
        select starts_at as time, seconds_at_0 / 60 as "At zero", seconds_to_10 / 60 as "Up to 10 %",
          seconds_to_20 / 60 as "Up to 20 %", unobserved_seconds / 60 as "Unobserved"
        from ${view}
        where ${THIS_BUCKET} and $__timeFilter(starts_at) and ${condition}`;

const low = () =>
  stacked(
    'Minutes it was low, of each hour or day',
    [12, 9],
    graph(`
      select * from (${lowOf('dict_rate_limit_rollup_hours', upTo('m5'))}
        union all${lowOf('dict_rate_limit_rollup_days_utc', beyond('m5'))}
      ) period
      order by time`),
  )
    .description(
      'Of each hour up to ten days, then of each day of UTC. Unobserved: between polls more than 15 minutes apart.',
    )
    .unit(units.Minutes)
    .decimals(0)
    .overrideByName('At zero', fixedColor('dark-red'))
    .overrideByName('Up to 10 %', fixedColor('red'))
    .overrideByName('Up to 20 %', fixedColor('orange'))
    .overrideByName('Unobserved', fixedColor('purple'));

const alerts = () =>
  list(
    'Alerts',
    [12, 9],
    rows(`
      select
        created_at as "Raised", severity as "Severity", available_tokens as "Tokens", reason as "Reason",
        extract(epoch from resolved_at - created_at) as "Resolved after", resolution_reason as "Resolved by",
        left(id::text, 8) as "Alert"
      from dict_rate_limit_alerts
      where ${THIS_BUCKET} and created_at <= $__timeTo()::timestamptz
        and (resolved_at is null or resolved_at >= $__timeFrom()::timestamptz)
      order by created_at desc
      limit 500`),
  )
    .description('Raised, open or resolved in the range: 500 at most. `balde explain` takes the beginning of an id.')
    .overrideByName('Severity', inColor(LEVELS))
    .overrideByName('Tokens', unit(units.LocaleFormat))
    .overrideByName('Resolved after', unit(units.DurationSeconds));

/** One point for each: lines would join what belongs to different days. */
const foreseen = () =>
  series(
    'Forecasts: until it is empty',
    [12, 9],
    graph(`
      select
        created_at as time, seconds_to_zero as "Expected", seconds_to_zero_low as "At the soonest",
        seconds_to_zero_high as "At the latest", zero_after_seconds as "Seen empty after"
      from dict_rate_limit_forecasts
      where ${THIS_BUCKET} and $__timeFilter(created_at)
      order by created_at`),
  )
    .description(
      'Each forecast where it was made: when it expected the bucket to be empty, the ends of its 80 % interval, and what ' +
        'was seen. Nothing was seen empty where a forecast passed.',
    )
    .unit(units.Seconds)
    .drawStyle(GraphDrawStyle.Points)
    .showPoints(VisibilityMode.Always)
    .pointSize(7)
    .axisSoftMin(0)
    .overrideByName('Expected', fixedColor('dark-orange'))
    .overrideByName('At the soonest', fixedColor('light-orange'))
    .overrideByName('At the latest', fixedColor('light-orange'))
    .overrideByName('Seen empty after', fixedColor('red'));

const forecasts = () =>
  list(
    'Forecasts, and what became of them',
    [12, 9],
    rows(`
      select
        created_at as "Made at", available_tokens as "Tokens", demand_per_minute as "Demand a minute",
        seconds_to_zero as "Empty in", seconds_to_zero_low as "At the soonest", seconds_to_zero_high as "At the latest",
        resolution_reason as "Outcome", zero_after_seconds as "Empty after"
      from dict_rate_limit_forecasts
      where ${THIS_BUCKET} and $__timeFilter(created_at)
      order by created_at desc
      limit 500`),
  )
    .description('At the soonest, at the latest: the 80 % interval. Empty after: when it was seen to be. 500 at most.')
    .overrideByName('Outcome', inColor(OUTCOMES))
    .overrideByName('Tokens', unit(units.LocaleFormat))
    .overrideByName('Demand a minute', unit(units.LocaleFormat, 0))
    .overrideByName('Empty in', unit(units.DurationSeconds))
    .overrideByName('At the soonest', unit(units.DurationSeconds))
    .overrideByName('At the latest', unit(units.DurationSeconds))
    .overrideByName('Empty after', unit(units.DurationSeconds));

/** From when it was raised to its end, over all graphs. */
const marked = (name: string, color: string, sql: string): AnnotationQueryBuilder =>
  new AnnotationQueryBuilder()
    .name(name)
    .datasource({ ...POSTGRES })
    .enable(true)
    .iconColor(color)
    .target(rows(sql));

const alertMarks = () =>
  marked(
    'Alerts',
    'red',
    `
      select
        created_at as time, coalesce(resolved_at, now()) as timeend,
        severity || ': ' || message as text, severity as tags
      from dict_rate_limit_alerts
      where ${THIS_BUCKET} and created_at <= $__timeTo()::timestamptz
        and (resolved_at is null or resolved_at >= $__timeFrom()::timestamptz)
      order by created_at desc
      limit 500`,
  );

const forecastMarks = () =>
  marked(
    'Forecasts',
    'orange',
    `
      select
        created_at as time, coalesce(zero_at, created_at + seconds_to_zero * interval '1 second') as timeend,
        message as text, coalesce(resolution_reason, 'OPEN') as tags
      from dict_rate_limit_forecasts
      where ${THIS_BUCKET} and $__timeFilter(created_at)
      order by created_at desc
      limit 500`,
  );

export const bucket = (): Page =>
  withPanels(
    dashboard({
      uid: 'balde-bucket',
      title: 'Balde: one bucket',
      description: 'How full a bucket is and was, how much was taken, what was foreseen and what was raised.',
      source: POSTGRES,
      from: 'now-24h',
      refresh: '30s',
    })
      .withVariable(participantVariable())
      .withVariable(policyVariable())
      .annotation(shown(alertMarks()))
      .annotation(shown(forecastMarks())),
    ...[now(), tokens(), estimate(), bounds(), low(), foreseen(), alerts(), forecasts()],
    ...callPanels(),
  ).build();
