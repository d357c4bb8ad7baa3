/** Why an alert was raised, in words and as JSON. */
import type { Explanation } from '../../analysis/explain.ts';
import type { Pace, Why } from '../../analysis/why.ts';
import { durationText, iso, numbered, numberText, percentText, timeText } from '../../format.ts';
import type { ForecastRow } from '../../views/forecasts.ts';
import { drainedBy } from './attribution.ts';
import { forecastRange } from './forecasts.ts';

/** How hard the bucket was drawn on, what was forecast, what happened: a sentence each. */
export const whyInWords = (explanation: Explanation): string[] => [
  demandText(explanation.why),
  ...(explanation.attribution === null ? [] : [drainedBy(explanation.attribution)]),
  forecastText(explanation),
  outcomeText(explanation),
];

export const whyJson = (explanation: Explanation) => {
  const { why } = explanation;
  return {
    in_words: whyInWords(explanation),
    draining_since: why === null ? null : iso(why.since),
    percent_left_then: why?.percentThen ?? null,
    demand_per_minute: why?.demand.perMinute ?? null,
    demand_low_per_minute: why?.demand.lowPerMinute ?? null,
    usual_per_minute: why?.usual?.perMinute ?? null,
    usual_low_per_minute: why?.usual?.lowPerMinute ?? null,
    usual_days: why?.usual?.days ?? 0,
    times_usual: why?.times ?? null,
    forecast_id: forecastBefore(explanation)?.id ?? null,
  };
};

function demandText(why: Why | null): string {
  if (why === null) return 'How hard the bucket was drawn on is unknown: history has no observation before the alert.';
  const { since, percentThen, demand } = why;
  const pace = paceText(demand);
  const taken = `${pace.charAt(0).toUpperCase()}${pace.slice(1)} tokens a minute were taken`;
  return `${taken} since ${timeText(since)}, when ${percentText(percentThen)} were left${usualText(why)}.`;
}

function usualText({ usual, times }: Why): string {
  if (usual === null) return '; what is usual at that hour is unknown';
  const often = times === null ? '' : `${times.toFixed(1)} times `;
  return `: ${often}the usual at that hour, which is ${paceText(usual)}, the median of ${numbered(usual.days, 'day')}`;
}

function paceText({ perMinute, lowPerMinute }: Pace): string {
  if (perMinute === lowPerMinute) return rateText(lowPerMinute);
  const proved = `at least ${rateText(lowPerMinute)}`;
  return perMinute === null ? proved : `about ${rateText(perMinute)} (${proved})`;
}

/** Whole tokens, but of less than ten. */
const rateText = (perMinute: number): string =>
  perMinute < 9.95 ? perMinute.toFixed(1) : numberText(Math.round(perMinute));

/** The newest forecast that was open when the alert was raised. */
const forecastBefore = ({ alert, forecasts }: Explanation): ForecastRow | undefined =>
  forecasts.findLast(
    ({ created_at: at, resolved_at: end }) => at <= alert.created_at && (end === null || end >= alert.created_at),
  );

function forecastText(explanation: Explanation): string {
  const forecast = forecastBefore(explanation);
  if (forecast === undefined) return 'No forecast came before it.';
  const early = (explanation.alert.created_at - forecast.created_at) / 1000;
  return `Forecast ${early === 0 ? 'with it' : `${durationText(early)} before`}: empty in ${forecastRange(forecast)}.`;
}

function outcomeText({ alert, zeroAt, chain, followed }: Explanation): string {
  const end = chain.at(-1)?.resolved_at ?? null;
  const lasted = end === null ? 'it goes on' : `it was over after ${durationText((end - alert.created_at) / 1000)}`;
  if (followed === null) return `Whether the bucket was empty is unknown; ${lasted}.`;
  if (zeroAt === null) return `The bucket was not seen empty; ${lasted}.`;
  const lead = (zeroAt - alert.created_at) / 1000;
  return `The bucket was empty ${lead === 0 ? 'at once' : `${durationText(lead)} later`}; ${lasted}.`;
}
