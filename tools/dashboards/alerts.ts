/** Alerts and the incidents that they make: how often, how long, how early. */
import { CustomVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { Page } from './classic.ts';
import {
  dashboard,
  figures,
  fixedColor,
  inColor,
  LEVELS,
  list,
  OUTCOMES,
  participantsVariable,
  stacked,
  toBucket,
  unit,
  withPanels,
} from './panels.ts';
import { graph, POSTGRES, rows } from './query.ts';
import { CHAINS, INCIDENTS, incidentsOf, THESE_PARTICIPANTS } from './sql.ts';

const SEVERITIES = ['CRITICAL', 'WARNING'] as const;
const THESE = `${THESE_PARTICIPANTS} and severity in ($severity)`;

const severityVariable = () =>
  new CustomVariableBuilder('severity')
    .label('Severity')
    .values(SEVERITIES.join(','))
    .multi(true)
    .includeAll(true)
    .current({ text: 'All', value: '$__all' })
    .options([
      { text: 'All', value: '$__all', selected: true },
      ...SEVERITIES.map((severity) => ({ text: severity, value: severity, selected: false })),
    ]);

const summary = () =>
  figures(
    'In the range',
    [24, 4],
    rows(`
      with ${INCIDENTS},
      raised as (
        select count(*) as alerts, count(*) filter (where severity = 'CRITICAL') as critical
        from dict_rate_limit_alerts
        where ${THESE} and $__timeFilter(created_at)
      )
      select
        max(r.alerts) as "Alerts", max(r.critical) as "Critical",
        count(i.began) as "Incidents", count(i.began) filter (where i.ended is null) as "Still open",
        percentile_cont(0.5) within group (order by i.resolve_seconds) as "Median time to resolve",
        count(i.zero_at) as "Reached zero",
        percentile_cont(0.5) within group (order by i.lead_seconds) as "Median lead"
      from raised r
      left join incident i on i.worst in ($severity)`),
  )
    .description(
      'An incident is a chain of alerts of one bucket, each raised when the one before it was resolved. Lead: from ' +
        'its first alert to the first observation at zero.',
    )
    .overrideByName('Median time to resolve', unit(units.DurationSeconds))
    .overrideByName('Median lead', unit(units.DurationSeconds));

const overTime = () =>
  stacked(
    'Alerts raised',
    [24, 8],
    graph(`
      select
        $__timeGroupAlias(created_at, $__interval),
        count(*) filter (where severity = 'CRITICAL') as "Critical",
        count(*) filter (where severity = 'WARNING') as "Warning"
      from dict_rate_limit_alerts
      where ${THESE} and $__timeFilter(created_at)
      group by time
      order by time`),
  )
    .interval('1h')
    .unit(units.Short)
    .decimals(0)
    .overrideByName('Critical', fixedColor('red'))
    .overrideByName('Warning', fixedColor('orange'));

const incidents = () =>
  list(
    'Incidents, newest first',
    [24, 11],
    rows(`
      with ${CHAINS},
      newest as (
        select * from chained where worst in ($severity) order by began desc, participant, endpoint_id limit 500
      ),${incidentsOf('newest')}
      select
        began as "Began", participant as "Participant", endpoint_id as "Policy", worst as "Worst", alerts as "Alerts",
        resolve_seconds as "Resolved after", zero_at as "At zero", lead_seconds as "Lead"
      from incident
      order by began desc, participant, endpoint_id`),
  )
    .description(
      'Those that began in the range: 500 at most. Lead: from the first alert to the first observation at zero.',
    )
    .overrideByName('Policy', toBucket('Participant', 'Policy'))
    .overrideByName('Worst', inColor(LEVELS))
    .overrideByName('Resolved after', unit(units.DurationSeconds))
    .overrideByName('Lead', unit(units.DurationSeconds));

const byPolicy = () =>
  list(
    'By policy',
    [12, 10],
    rows(`
      with ${INCIDENTS}
      select
        participant as "Participant", endpoint_id as "Policy", count(*) as "Incidents",
        count(*) filter (where worst = 'CRITICAL') as "Critical", count(zero_at) as "Reached zero",
        percentile_cont(0.5) within group (order by resolve_seconds) as "Median to resolve",
        max(resolve_seconds) as "Longest",
        percentile_cont(0.5) within group (order by lead_seconds) as "Median lead"
      from incident
      where worst in ($severity)
      group by participant, endpoint_id
      order by count(*) desc, participant, endpoint_id`),
  )
    .overrideByName('Policy', toBucket('Participant', 'Policy'))
    .overrideByName('Median to resolve', unit(units.DurationSeconds))
    .overrideByName('Longest', unit(units.DurationSeconds))
    .overrideByName('Median lead', unit(units.DurationSeconds));

const forecasts = () =>
  list(
    'Forecasts, newest first',
    [12, 10],
    rows(`
      select
        created_at as "Made at", participant as "Participant", endpoint_id as "Policy", seconds_to_zero as "Empty in",
        resolution_reason as "Outcome", zero_after_seconds as "Empty after"
      from dict_rate_limit_forecasts
      where ${THESE_PARTICIPANTS} and $__timeFilter(created_at)
      order by created_at desc
      limit 500`),
  )
    .description('500 at most. Empty after: when the bucket was seen at zero.')
    .overrideByName('Policy', toBucket('Participant', 'Policy'))
    .overrideByName('Outcome', inColor(OUTCOMES))
    .overrideByName('Empty in', unit(units.DurationSeconds))
    .overrideByName('Empty after', unit(units.DurationSeconds));

const callAlerts = () =>
  list(
    "Alerts about the participant's own calls, newest first",
    [24, 6],
    rows(`
      select
        created_at as "Raised at", participant as "Participant", endpoint_id as "Policy", kind as "Kind",
        level as "Level", value as "Value", last_value as "Last value", resolved_at as "Resolved at",
        resolution_reason as "Reason"
      from dict_rate_limit_call_alerts
      where ${THESE_PARTICIPANTS} and $__timeFilter(created_at)
      order by created_at desc
      limit 500`),
  )
    .description('500 at most; none where no level is set. Percent, queries for each payment order, or tokens.')
    .overrideByName('Policy', toBucket('Participant', 'Policy'))
    .overrideByName('Level', unit(units.LocaleFormat))
    .overrideByName('Value', unit(units.LocaleFormat))
    .overrideByName('Last value', unit(units.LocaleFormat));

const categories = () =>
  list(
    'Changes of category',
    [24, 6],
    rows(`
      select
        changed_at as "Changed at", participant as "Participant", endpoint_id as "Policy",
        previous_category as "Before", psp_category as "Now", capacity as "Capacity"
      from dict_rate_limit_category_changes
      where ${THESE_PARTICIPANTS} and $__timeFilter(changed_at)
      order by changed_at desc
      limit 500`),
  )
    .overrideByName('Policy', toBucket('Participant', 'Policy'))
    .overrideByName('Capacity', unit(units.LocaleFormat));

export const alerts = (): Page =>
  withPanels(
    dashboard({
      uid: 'balde-alerts',
      title: 'Balde: alerts and incidents',
      description: 'How often buckets were nearly empty, how long, and how early that was said.',
      source: POSTGRES,
      from: 'now-7d',
      refresh: '1m',
    })
      .withVariable(participantsVariable())
      .withVariable(severityVariable()),
    ...[summary(), overTime(), incidents(), byPolicy(), forecasts(), callAlerts(), categories()],
  ).build();
