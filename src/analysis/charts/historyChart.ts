/** The chart of `balde history`. */
import type { ThresholdRules } from '../../domain/thresholds.ts';
import type { Profile } from '../../views/history.ts';
import { rulesInWords } from '../rules.ts';
import { minuteText, render, timeAxis, titled, tokenAxis, tokenSeries } from './render.ts';

const SIZE = { width: 1000, height: 480 };

/** More would not be seen in so narrow a picture. */
export const HISTORY_SLICES = 600;

/** Tokens of one bucket over time, and both thresholds. */
export async function historyChart(
  { participant, policy }: { readonly participant: string; readonly policy: string },
  profile: Profile,
  rules: ThresholdRules,
): Promise<string> {
  const { tokens, thresholds } = tokenSeries(profile, rules);
  const { observations, from, to, points } = profile;
  const drawn = points.length < observations ? ', of each moment the emptiest' : '';
  const told = [
    `${observations.toLocaleString('en-US')} observations from ${minuteText(from)} to ${minuteText(to)} UTC${drawn}`,
    rulesInWords(rules),
  ];
  return await render(
    {
      title: titled(`Tokens left of ${policy}, participant ${participant}`, told, SIZE),
      legend: { bottom: 0, itemGap: 28 },
      grid: { left: 90, right: 40, top: 100, bottom: 92 },
      xAxis: timeAxis,
      yAxis: tokenAxis,
      series: [tokens, ...thresholds],
    },
    SIZE,
  );
}
