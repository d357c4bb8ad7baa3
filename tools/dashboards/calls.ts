/** What the calls of one bucket came to: who used the tokens, how many found nothing, what nobody reported. */
import * as units from '@grafana/grafana-foundation-sdk/units';
import { fixedColor, list, series, stacked, unit } from './panels.ts';
import { graph, rows } from './query.ts';
import { THIS_BUCKET, upTo } from './sql.ts';

/** Hours up to ten days, then days of UTC. */
const PERIOD = `date_bin(case when ${upTo('m5')} then interval '1 hour' else interval '1 day' end, starts_at, timestamptz '1970-01-01 00:00:00+00')`;

/** Any range of windows, from few rows. */
const SUMS = 'dict_rate_limit_outcome_sums($__timeFrom()::timestamptz, $__timeTo()::timestamptz)';

const used = () =>
  stacked(
    'Tokens used, by source and operation',
    [12, 9],
    graph(`
      select ${PERIOD} as time, source || ' ' || operation as metric, sum(tokens) as "Tokens"
      from ${SUMS}
      where ${THIS_BUCKET}
      group by 1, 2
      order by 1, 2`),
  )
    .description(
      'By the calls that were reported, and the counting rules of DICT: of each hour up to ten days, then of each day of UTC.',
    )
    .unit(units.LocaleFormat);

/** Of Wilson (1927), as `dict_rate_limit_404_rates_at` has it for the hour and the day before a time. */
const Z = '1.959963984540054::double precision';
const MIDDLE = `(p + ${Z} ^ 2 / (2 * n)) / (1 + ${Z} ^ 2 / n)`;
const HALF = `${Z} * sqrt(p * (1 - p) / n + ${Z} ^ 2 / (4 * n ^ 2)) / (1 + ${Z} ^ 2 / n)`;

const notFound = () =>
  series(
    '404 rate, and its 95 % interval',
    [12, 9],
    graph(`
      select
        time, 100 * greatest(0, ${MIDDLE} - ${HALF}) as "95 % from",
        100 * least(1, ${MIDDLE} + ${HALF}) as "95 % to", 100 * p as "404 rate"
      from (
        select ${PERIOD} as time, sum(status_200 + status_404)::double precision as n,
          sum(status_404)::double precision / nullif(sum(status_200 + status_404), 0) as p
        from ${SUMS}
        where ${THIS_BUCKET}
        group by 1
      ) answered
      where n > 0
      order by time`),
  )
    .description(
      'Answers 404 among those with 200 or 404, of each hour up to ten days, then of each day of UTC. BACEN finds more than ' +
        '7 % suspicious for a participant.',
    )
    .unit(units.Percent)
    .decimals(1)
    .overrideByName('95 % to', [
      ...fixedColor('light-orange'),
      { id: 'custom.lineWidth', value: 0 },
      { id: 'custom.fillBelowTo', value: '95 % from' },
      { id: 'custom.fillOpacity', value: 20 },
    ])
    .overrideByName('95 % from', [...fixedColor('light-orange'), { id: 'custom.lineWidth', value: 0 }])
    .overrideByName('404 rate', fixedColor('dark-orange'));

const consumers = () =>
  list(
    'Who used the tokens',
    [12, 9],
    rows(`
      select
        source as "Source", operation as "Operation",
        100.0 * sum(tokens) / nullif(sum(sum(tokens)) over (), 0) as "Share", sum(tokens) as "Tokens",
        sum(status_429) as "Refused (429)", sum(payment_order_credits) as "Credits"
      from ${SUMS}
      where ${THIS_BUCKET}
      group by source, operation
      order by sum(tokens) desc, source, operation
      limit 100`),
  )
    .description('Over the range, of the tokens that the reported calls cost: 100 at most.')
    .overrideByName('Share', unit(units.Percent, 1))
    .overrideByName('Tokens', unit(units.LocaleFormat))
    .overrideByName('Refused (429)', unit(units.LocaleFormat))
    .overrideByName('Credits', unit(units.LocaleFormat));

const unexplained = () =>
  list(
    'Used by nobody who reports',
    [12, 9],
    rows(`
      select
        unexplained_at_least as "Tokens at least", unexplained_since as "From", unexplained_until as "To",
        checked_until as "Proven until", array_to_string(waiting_for, ', ') as "Waiting for"
      from dict_rate_limit_unexplained(
        greatest($__timeFrom()::timestamptz, $__timeTo()::timestamptz - interval '1 day'), $__timeTo()::timestamptz,
        interval '2 seconds', '$participant', '$policy')`),
  )
    .description(
      'Tokens of the range, of a longer one of its last 24 hours, that something else than the reported calls has consumed, as ' +
        'a proof. 0: the calls explain what was seen. Waiting for: sources that have not said that they are complete.',
    )
    .overrideByName('Tokens at least', unit(units.LocaleFormat));

export const callPanels = () => [used(), notFound(), consumers(), unexplained()];
