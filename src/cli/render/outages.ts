/** Times at which buckets were seen empty, and what announced them, as text and JSON. */
import { HIGHEST_THRESHOLD_PERCENT } from '../../analysis/outages.ts';
import type { Announced, JudgedOutage } from '../../analysis/outages.ts';
import type { OutageReport } from '../../analysis/comparison.ts';
import { formatDuration } from '../../config/duration.ts';
import { durationText, iso, numbered, numberText } from '../../format.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

/** What is said of all outages. */
export function outagesSummary({ figures, forecasts, thinned, foreseen }: OutageReport) {
  const { outages: count, beyond_thresholds, coarser, what_if_forecast, ...announced } = figures;
  return {
    ...{ count, beyond_thresholds, highest_threshold_percent: HIGHEST_THRESHOLD_PERCENT },
    ...announced,
    forecasts_made: forecasts,
    what_if_forecast:
      foreseen === null
        ? null
        : { horizon_seconds: foreseen.horizonMs / 1000, forecasts_made: foreseen.forecasts, ...what_if_forecast },
    coarser:
      coarser === null || thinned === null
        ? null
        : { every_seconds: thinned.everyMs / 1000, observations: thinned.observations, ...coarser },
  };
}

export const outageJson = (outage: JudgedOutage, { thinned, foreseen }: OutageReport) => ({
  participant: outage.participant,
  endpoint_id: outage.policy,
  from: iso(outage.from),
  until: iso(outage.until),
  left_before_percent: outage.leftBeforePercent,
  baseline_lead_seconds: outage.leads.baseline,
  what_if_lead_seconds: outage.leads.whatIf,
  forecast_lead_seconds: outage.leads.forecast,
  ...(foreseen === null ? {} : { what_if_forecast_lead_seconds: outage.leads.foreseen }),
  ...(thinned === null ? {} : { coarser_lead_seconds: outage.leads.coarser, coarser_saw: outage.coarserSaw }),
});

const foreseenText = ({ horizonMs, forecasts }: NonNullable<OutageReport['foreseen']>): string =>
  `forecasts, horizon ${formatDuration(horizonMs)} (${numberText(forecasts)} would be made)`;

interface Line extends Announced {
  readonly name: string;
}

export function outagesText({ figures, forecasts, thinned, foreseen }: OutageReport): string[] {
  const { outages: count, beyond_thresholds: beyond, coarser } = figures;
  if (count === 0) return ['outages    no bucket was seen to become empty'];
  const lines: Line[] = [
    { name: 'baseline', ...figures.baseline },
    { name: 'what-if', ...figures.what_if },
    { name: `forecasts (${numberText(forecasts)} made)`, ...figures.forecast },
    { name: 'what-if or a forecast', ...figures.what_if_or_forecast },
    ...(foreseen === null ? [] : [{ name: foreseenText(foreseen), ...figures.what_if_forecast }]),
    ...(coarser === null || thinned === null
      ? []
      : [{ name: `what-if, polls every ${formatDuration(thinned.everyMs)}`, ...coarser }]),
  ];
  const column = (title: string, value: (line: Line) => string): Column<Line> => ({ title, value, right: true });
  return [
    `outages    buckets were seen to become empty ${numbered(count, 'time')}; ${numberText(beyond)} of these with more than ${HIGHEST_THRESHOLD_PERCENT} % left one poll before,`,
    '           which no threshold up to there could have announced',
    ...(coarser === null || thinned === null
      ? []
      : [
          `           polls every ${formatDuration(thinned.everyMs)} keep ${numbered(thinned.observations, 'observation')} and see ${numberText(coarser.seen)} of them`,
        ]),
    '',
    ...table(
      [
        { title: '', value: ({ name }) => name },
        column('ANNOUNCED', ({ announced }) => `${numberText(announced)} (${Math.round((100 * announced) / count)} %)`),
        column('LEAD, MEDIAN', (line) => durationText(line.lead_median_seconds)),
        column('LEAST', (line) => durationText(line.lead_min_seconds)),
      ],
      lines,
    ),
  ];
}
