/** All buckets, worst first: what needs somebody now. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { Page } from './classic.ts';
import {
  dashboard,
  figures,
  gauge,
  inColor,
  LEFT_STEPS,
  LEVELS,
  list,
  noneIsGood,
  participantsVariable,
  series,
  steps,
  toBucket,
  unit,
  withPanels,
} from './panels.ts';
import { graph, POSTGRES, rows } from './query.ts';
import { beyond, THESE_PARTICIPANTS, upTo, WORST_FIRST } from './sql.ts';

const health = () =>
  figures(
    'Buckets',
    [12, 4],
    rows(`
      select
        count(*) filter (where health_status = 'CRITICAL') as "Critical",
        count(*) filter (where health_status = 'WARNING') as "Warning",
        count(*) filter (where health_status = 'STALE') as "Stale",
        count(*) filter (where health_status = 'OK') as "OK"
      from v_dict_rate_limit_latest_states
      where ${THESE_PARTICIPANTS}`),
  )
    .thresholds(noneIsGood('red'))
    .overrideByName('Warning', [{ id: 'thresholds', value: noneIsGood('orange').build() }])
    .overrideByName('Stale', [{ id: 'thresholds', value: noneIsGood('purple').build() }])
    .overrideByName('OK', [{ id: 'thresholds', value: steps({ value: null, color: 'green' }).build() }]);

const open = () =>
  figures(
    'Open now',
    [8, 4],
    rows(`
      select
        (select count(*) from v_dict_rate_limit_active_alerts where ${THESE_PARTICIPANTS}) as "Alerts",
        (select count(*) from v_dict_rate_limit_open_forecasts where ${THESE_PARTICIPANTS}) as "Forecasts"`),
  )
    .thresholds(noneIsGood('red'))
    .overrideByName('Forecasts', [{ id: 'thresholds', value: noneIsGood('orange').build() }]);

const newest = () =>
  figures(
    'Newest observation',
    [4, 4],
    rows(`
      select min(age_seconds) as "Age"
      from v_dict_rate_limit_latest_states
      where ${THESE_PARTICIPANTS}`),
  )
    .description('How long ago DICT last told of any bucket.')
    .unit(units.Seconds)
    .decimals(0)
    .thresholds(steps({ value: null, color: 'green' }, { value: 300, color: 'orange' }, { value: 900, color: 'red' }));

const buckets = () =>
  list(
    'Buckets, worst first',
    [24, 14],
    rows(`
      select
        participant as "Participant", endpoint_id as "Policy", health_status as "Health",
        remaining_percent as "Left", available_tokens as "Tokens", capacity as "Capacity",
        exhaustion_projection_seconds as "Empty in", recovery_eta_seconds as "Full in",
        consumption_rate_per_minute as "Taken a minute", blind_seconds as "Blind", age_seconds as "Age",
        psp_category as "Category"
      from v_dict_rate_limit_latest_states
      where ${THESE_PARTICIPANTS}
      order by ${WORST_FIRST}`),
  )
    .description(
      'Empty in: if the drain goes on as it did. Full in: without any traffic. Taken a minute: as estimated, ' +
        'empty where only bounds are known. Blind: how long the bucket could have emptied and refilled unseen. Age: of the observation.',
    )
    .overrideByName('Policy', [...toBucket('Participant', 'Policy'), { id: 'custom.width', value: 330 }])
    .overrideByName('Health', inColor(LEVELS))
    .overrideByName('Left', gauge(LEFT_STEPS))
    .overrideByName('Tokens', unit(units.LocaleFormat))
    .overrideByName('Capacity', unit(units.LocaleFormat))
    .overrideByName('Empty in', unit(units.DurationSeconds))
    .overrideByName('Full in', unit(units.DurationSeconds))
    .overrideByName('Taken a minute', unit(units.LocaleFormat, 0))
    .overrideByName('Blind', unit(units.Seconds, 0))
    .overrideByName('Age', unit(units.Seconds, 0));

const forecasts = () =>
  list(
    'Open forecasts, the first one due first',
    [12, 8],
    rows(`
      select
        participant as "Participant", endpoint_id as "Policy", zero_expected_at as "Empty at",
        seconds_to_zero_low as "At the soonest", seconds_to_zero_high as "At the latest",
        demand_per_minute as "Demand a minute", available_tokens as "Tokens", created_at as "Made at"
      from v_dict_rate_limit_open_forecasts
      where ${THESE_PARTICIPANTS}
      order by zero_expected_at`),
  )
    .description('At the soonest, at the latest: the 80 % interval, from when the forecast was made.')
    .overrideByName('Policy', toBucket('Participant', 'Policy'))
    .overrideByName('At the soonest', unit(units.DurationSeconds))
    .overrideByName('At the latest', unit(units.DurationSeconds))
    .overrideByName('Demand a minute', unit(units.LocaleFormat, 0))
    .overrideByName('Tokens', unit(units.LocaleFormat));

const alerts = () =>
  list(
    'Open alerts',
    [12, 8],
    rows(`
      select
        severity as "Severity", participant as "Participant", endpoint_id as "Policy", created_at as "Raised",
        age_seconds as "Open for", available_tokens as "Tokens then", reason as "Reason", left(id::text, 8) as "Alert"
      from v_dict_rate_limit_active_alerts
      where ${THESE_PARTICIPANTS}
      order by severity, created_at`),
  )
    .description('`balde explain` takes the beginning of an id in the last column.')
    .overrideByName('Severity', inColor(LEVELS))
    .overrideByName('Policy', toBucket('Participant', 'Policy'))
    .overrideByName('Open for', unit(units.DurationSeconds))
    .overrideByName('Tokens then', unit(units.LocaleFormat));

/** @param condition decides, when the query is planned, whether the view is read at all */
const lowestOf = (view: string, condition: string): string => `
        select r.starts_at, b.participant, b.endpoint_id,
          100.0 * r.lowest_tokens / nullif(r.lowest_capacity, 0) as percent
        from worst b
        join ${view} r on r.participant = b.participant and r.endpoint_id = b.endpoint_id
        where $__timeFilter(r.starts_at) and ${condition}`;

const lowest = () =>
  series(
    'Lowest levels of the five worst buckets',
    [24, 9],
    graph(`
      with worst as (
        select participant, endpoint_id from v_dict_rate_limit_latest_states
        where ${THESE_PARTICIPANTS}
        order by ${WORST_FIRST}
        limit 5
      ),
      level as (${lowestOf('dict_rate_limit_rollup_5m', upTo('observations'))}
        union all${lowestOf('dict_rate_limit_rollup_hours', `${beyond('observations')} and ${upTo('hoursOfSeveral')}`)}
        union all${lowestOf('dict_rate_limit_rollup_days_utc', beyond('hoursOfSeveral'))}
      )
      select starts_at as time, participant || ' ' || endpoint_id as metric, percent
      from level
      where percent is not null
      order by time`),
  )
    .description('Of every 5 minutes; hours beyond two days, days beyond a month.')
    .unit(units.Percent)
    .decimals(1)
    .axisSoftMin(0);

export const overview = (): Page =>
  withPanels(
    dashboard({
      uid: 'balde-overview',
      title: 'Balde: overview',
      description: 'All buckets, worst first, and what is open now.',
      source: POSTGRES,
      from: 'now-24h',
      refresh: '30s',
    }).withVariable(participantsVariable()),
    ...[health(), open(), newest(), buckets(), alerts(), forecasts(), lowest()],
  ).build();
