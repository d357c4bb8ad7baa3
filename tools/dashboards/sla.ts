/** What a month was like: minutes low, at zero and blind, incidents, time to resolve, lead. */
import { TimeOptionBuilder, TimePickerBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { Page } from './classic.ts';
import {
  dashboard,
  figures,
  fixedColor,
  list,
  noneIsGood,
  participantsVariable,
  stacked,
  toBucket,
  unit,
  withPanels,
} from './panels.ts';
import { graph, POSTGRES, rows } from './query.ts';
import { INCIDENTS, PERIODS, THESE_PARTICIPANTS } from './sql.ts';

/** Shares are of the time that was observed. */
const ABOVE_10 = `100 * sum(seconds_to_20 + seconds_high)
          / nullif(sum(seconds_at_0 + seconds_to_10 + seconds_to_20 + seconds_high), 0)`;

const minutes = () =>
  figures(
    'All buckets together',
    [12, 4],
    rows(`
      with ${PERIODS}
      select
        ${ABOVE_10} as "Time above 10 %",
        sum(seconds_at_0 + seconds_to_10) / 60 as "At or below 10 %", sum(seconds_at_0) / 60 as "At zero",
        sum(blind_seconds) / 60 as "Blind", sum(unobserved_seconds) / 60 as "Unobserved"
      from period`),
  )
    .description(
      'Minutes are summed over buckets. Blind: a bucket could have emptied and refilled unseen. Unobserved: between ' +
        'polls more than 15 minutes apart; it counts neither for nor against.',
    )
    .unit(units.Minutes)
    .decimals(0)
    .thresholds(noneIsGood('red'))
    .overrideByName('Time above 10 %', [...unit(units.Percent, 3), ...fixedColor('text')])
    .overrideByName('Blind', fixedColor('text'))
    .overrideByName('Unobserved', fixedColor('text'));

const incidents = () =>
  figures(
    'Incidents that began',
    [12, 4],
    rows(`
      with ${INCIDENTS}
      select
        count(*) as "Incidents", count(*) filter (where worst = 'CRITICAL') as "Critical",
        percentile_cont(0.5) within group (order by resolve_seconds) as "Median time to resolve",
        max(resolve_seconds) as "Longest", count(zero_at) as "Reached zero",
        percentile_cont(0.5) within group (order by lead_seconds) as "Median lead"
      from incident`),
  )
    .overrideByName('Median time to resolve', unit(units.DurationSeconds))
    .overrideByName('Longest', unit(units.DurationSeconds))
    .overrideByName('Median lead', unit(units.DurationSeconds));

const byPolicy = () =>
  list(
    'By policy, worst first',
    [24, 14],
    rows(`
      with ${PERIODS},
      ${INCIDENTS},
      time_of as (
        select participant, endpoint_id, ${ABOVE_10} as above_10,
          sum(seconds_at_0 + seconds_to_10) / 60 as low, sum(seconds_at_0) / 60 as zero,
          sum(blind_seconds) / 60 as blind, sum(unobserved_seconds) / 60 as unobserved
        from period
        group by participant, endpoint_id
      ),
      incidents_of as (
        select participant, endpoint_id, count(*) as incidents, count(zero_at) as reached_zero,
          percentile_cont(0.5) within group (order by resolve_seconds) as resolve_seconds,
          percentile_cont(0.5) within group (order by lead_seconds) as lead_seconds
        from incident
        group by participant, endpoint_id
      )
      select
        t.participant as "Participant", t.endpoint_id as "Policy", t.above_10 as "Time above 10 %",
        t.low as "At or below 10 %", t.zero as "At zero", t.blind as "Blind", t.unobserved as "Unobserved",
        coalesce(i.incidents, 0) as "Incidents", i.resolve_seconds as "Median to resolve",
        coalesce(i.reached_zero, 0) as "Reached zero", i.lead_seconds as "Median lead"
      from time_of t
      left join incidents_of i using (participant, endpoint_id)
      order by t.zero desc, t.low desc, coalesce(i.incidents, 0) desc, t.participant, t.endpoint_id`),
  )
    .description('Lead: from the first alert of an incident to the first observation at zero; empty where none was.')
    .unit(units.Minutes)
    .decimals(0)
    .overrideByName('Policy', [...toBucket('Participant', 'Policy'), { id: 'custom.width', value: 330 }])
    .overrideByName('Time above 10 %', unit(units.Percent, 3))
    .overrideByName('Incidents', unit(units.NoUnit))
    .overrideByName('Reached zero', unit(units.NoUnit))
    .overrideByName('Median to resolve', unit(units.DurationSeconds))
    .overrideByName('Median lead', unit(units.DurationSeconds));

const byDay = () =>
  stacked(
    'Minutes low of each day of UTC, all buckets together',
    [24, 9],
    graph(`
      with bucket as (
        select participant, endpoint_id from dict_rate_limit_policies where ${THESE_PARTICIPANTS}
      )
      select
        r.starts_at as time, sum(r.seconds_at_0) / 60 as "At zero", sum(r.seconds_to_10) / 60 as "Up to 10 %"
      from bucket b
      join dict_rate_limit_rollup_days_utc r on r.participant = b.participant and r.endpoint_id = b.endpoint_id
      where $__timeFilter(r.starts_at)
      group by r.starts_at
      order by time`),
  )
    .unit(units.Minutes)
    .decimals(0)
    .overrideByName('At zero', fixedColor('dark-red'))
    .overrideByName('Up to 10 %', fixedColor('red'));

const month = (display: string, from: string, to: string) => new TimeOptionBuilder().display(display).from(from).to(to);

export const sla = (): Page =>
  withPanels(
    dashboard({
      uid: 'balde-sla',
      title: 'Balde: service level of a month',
      description: 'How long buckets were low, empty or unseen in a month, and what incidents there were.',
      source: POSTGRES,
      from: 'now/M',
      refresh: '5m',
    })
      .timepicker(
        new TimePickerBuilder().quickRanges([
          month('This month', 'now/M', 'now'),
          month('Last month', 'now-1M/M', 'now-1M/M'),
          month('The month before', 'now-2M/M', 'now-2M/M'),
        ]),
      )
      .withVariable(participantsVariable()),
    ...[minutes(), incidents(), byPolicy(), byDay()],
  ).build();
