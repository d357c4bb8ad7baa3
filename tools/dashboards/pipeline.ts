/** Whether Balde itself does its work: polls, processors, the outbox, certificates. From Prometheus and its rules. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import type { Page } from './classic.ts';
import { dashboard, figure, fixedColor, noneIsGood, series, stacked, steps, withPanels } from './panels.ts';
import { promql, PROMETHEUS } from './query.ts';

const [HALF, THIRD] = [12, 8];

const health = () => [
  figure('Processes down', [4, 4], promql('count(up{job="balde"} == 0) or vector(0)', 'down')).thresholds(
    noneIsGood('red'),
  ),
  figure(
    'Dead letters in a day',
    [4, 4],
    promql('sum(increase(balde_dead_letters_total[1d])) or vector(0)', 'dead letters'),
  )
    .decimals(0)
    .thresholds(noneIsGood('orange')),
  figure('Behind', [4, 4], promql('max(processor_version:balde_lag_seconds:max)', 'lag'))
    .description('How old the oldest message is that a processor has not committed yet.')
    .unit(units.Seconds)
    .thresholds(steps({ value: null, color: 'green' }, { value: 30, color: 'orange' }, { value: 120, color: 'red' })),
  figure('Oldest in the outbox', [4, 4], promql('max(topic:balde_outbox_oldest_age_seconds:max)', 'age'))
    .unit(units.Seconds)
    .thresholds(steps({ value: null, color: 'green' }, { value: 30, color: 'orange' }, { value: 120, color: 'red' })),
  figure(
    'Next certificate ends in',
    [4, 4],
    promql('min(balde_certificate_not_after_timestamp_seconds) - time()', 'certificate'),
  )
    .unit(units.Seconds)
    .thresholds(
      steps(
        { value: null, color: 'red' },
        { value: 2 * 86_400, color: 'orange' },
        { value: 14 * 86_400, color: 'green' },
      ),
    ),
  figure('Months of partitions ahead', [4, 4], promql('max(balde_history_months_ahead)', 'months')).thresholds(
    steps({ value: null, color: 'red' }, { value: 2, color: 'green' }),
  ),
];

const polling = () => [
  stacked(
    'Polls of the last hour by how they ended',
    [THIRD, 8],
    promql('participant_result:balde_polls:increase1h', '{{participant}} {{result}}'),
  )
    .decimals(0)
    .overrideByRegexp('/ ok$/', fixedColor('green'))
    .overrideByRegexp('/ rejected$/', fixedColor('orange'))
    .overrideByRegexp('/ failed$/', fixedColor('red')),
  stacked(
    'Polls an hour by what brought them',
    [THIRD, 8],
    promql('sum by (reason) (increase(balde_polls_by_reason_total[1h]))', '{{reason}}'),
  ).decimals(0),
  series(
    'Calls of the Bridge, 95 % faster than',
    [THIRD, 8],
    promql('participant:balde_bridge_call_duration_seconds:p95_10m', '{{participant}}'),
  ).unit(units.Seconds),
  series(
    'Left to poll with',
    [THIRD, 8],
    promql('max by (participant, policy) (balde_budget_tokens)', '{{participant}} {{policy}}'),
    promql('max by (participant, policy) (balde_budget_capacity_tokens)', '{{participant}} {{policy}}, capacity', 'B'),
  ).axisSoftMin(0),
  series(
    'Since the last list of policies',
    [THIRD, 8],
    promql('time() - max by (participant) (balde_poll_last_success_timestamp_seconds)', '{{participant}}'),
  )
    .unit(units.Seconds)
    .axisSoftMin(0),
  series(
    'Age of the newest observation',
    [THIRD, 8],
    promql('participant:balde_observation_age_seconds:min', '{{participant}}'),
    promql('max(balde_stale_after_seconds)', 'STALE_AFTER', 'B'),
  )
    .unit(units.Seconds)
    .axisSoftMin(0),
];

const processing = () => [
  series(
    'Processors behind',
    [THIRD, 8],
    promql('processor_version:balde_lag_seconds:max', '{{processor}} version {{version}}'),
  )
    .unit(units.Seconds)
    .axisSoftMin(0),
  series(
    'Messages behind',
    [THIRD, 8],
    promql('max by (processor, version) (balde_lag_events)', '{{processor}} version {{version}}'),
  ).axisSoftMin(0),
  series(
    'Messages processed',
    [THIRD, 8],
    promql('sum by (fold) (rate(balde_messages_processed_total[$__rate_interval]))', '{{fold}}'),
  ).unit(units.MessagesPerSecond),
  series(
    'Commits, 95 % faster than',
    [THIRD, 8],
    promql('processor:balde_commit_duration_seconds:p95_10m', '{{processor}}'),
  ).unit(units.Seconds),
  series(
    'Messages of a batch, median',
    [THIRD, 8],
    promql('histogram_quantile(0.5, sum by (processor, le) (rate(balde_batch_messages_bucket[10m])))', '{{processor}}'),
  ),
  series('Waiting in the outbox', [THIRD, 8], promql('max by (topic) (balde_outbox_entries)', '{{topic}}')).axisSoftMin(
    0,
  ),
];

/** Read from tables: every process tells the same. */
const forecastsOf = (what: string, range: string): string =>
  `sum(max by (participant, endpoint_id, psp_category) (increase(balde_forecasts_${what}_total[${range}])))`;

const foresight = () => [
  series(
    'Buckets expected to be empty in',
    [THIRD, 8],
    promql(
      'max by (participant, endpoint_id, bound) (balde_forecast_empty_timestamp_seconds) - time() > 0',
      '{{participant}} {{endpoint_id}} {{bound}}',
    ),
  )
    .description(
      'Open forecasts: when each expects its bucket to be empty, and the ends (low, high) of its 80 % interval, while to come.',
    )
    .unit(units.DurationSeconds)
    .overrideByRegexp('/ (low|high)$/', [
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [4, 6] } },
      { id: 'custom.lineWidth', value: 1 },
    ])
    .overrideByRegexp('/ expected$/', [{ id: 'custom.lineWidth', value: 2 }])
    .noValue('no open forecast'),
  series(
    'Forecasts of a day',
    [THIRD, 8],
    promql(forecastsOf('created', '1d'), 'made'),
    promql(forecastsOf('came_true', '1d'), 'came true within half an hour', 'B'),
    promql(forecastsOf('within_interval', '1d'), 'and within the 80 % interval', 'C'),
  )
    .decimals(0)
    .axisSoftMin(0),
  series(
    'Of those that came true, within the 80 % interval',
    [THIRD, 8],
    promql(`${forecastsOf('within_interval', '30d')} / ${forecastsOf('came_true', '30d')}`, 'of 30 days'),
    promql('vector(0.8)', 'as promised', 'B'),
  )
    .unit(units.PercentUnit)
    .min(0)
    .max(1)
    .noValue('none came true'),
];

const trouble = () => [
  stacked(
    'What went wrong, each hour',
    [HALF, 8],
    promql('sum by (who) (increase(balde_outage_retries_total[1h]))', 'tried again: {{who}}'),
    promql('sum by (fold) (increase(balde_checkpoint_conflicts_total[1h]))', 'overtaken: {{fold}}', 'B'),
    promql('sum by (fold, topic) (increase(balde_dead_letters_total[1h]))', 'set aside: {{fold}} of {{topic}}', 'C'),
    promql('sum by (reason) (increase(balde_rejected_policies_total[1h]))', 'not believed: {{reason}}', 'D'),
    promql('sum by (sample) (increase(balde_sample_errors_total[1h]))', 'not measured: {{sample}}', 'E'),
    promql('sum(increase(balde_scrape_errors_total[1h]))', 'scrapes not answered', 'F'),
  ).decimals(0),
  series('Processes by role', [HALF, 8], promql('role:balde_processes:max', '{{role}}')).decimals(0).axisSoftMin(0),
  series(
    'Rebuilds that are not finished',
    [HALF, 8],
    promql('max by (processor, version) (balde_rebuild_progress_ratio)', '{{processor}} version {{version}}'),
  )
    .unit(units.PercentUnit)
    .min(0)
    .max(1)
    .noValue('no rebuild'),
  series(
    'Since retention last succeeded',
    [HALF, 8],
    promql('time() - max(balde_retention_last_success_timestamp_seconds)', 'retention'),
  )
    .unit(units.DurationSeconds)
    .axisSoftMin(0),
];

export const pipeline = (): Page =>
  withPanels(
    dashboard({
      uid: 'balde-pipeline',
      title: 'Balde: pipeline',
      description:
        'Whether Balde polls, processes and sends, and how good its forecasts are. Needs the recording rules of deploy/prometheus.',
      source: PROMETHEUS,
      from: 'now-6h',
      refresh: '30s',
    }),
    ...[...health(), ...polling(), ...processing(), ...foresight(), ...trouble()],
  ).build();
