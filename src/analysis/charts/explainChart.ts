/** The chart of `balde explain`. */
import type { Explanation } from '../explain.ts';
import { rulesInWords, rulesOf } from '../rules.ts';
import { COLOURS, emptyNote, minuteText, render, timeAxis, titled, tokenAxis, tokenSeries } from './render.ts';

const SIZE = { width: 1000, height: 500 };

/** Tokens of the alert's bucket over time, both thresholds, and where the alert was raised and resolved. */
export async function explainChart(explanation: Explanation): Promise<string> {
  const { alert, profile } = explanation;
  const points = profile?.points ?? [];
  const rules = rulesOf(alert.rule_version);
  const { tokens, thresholds } = tokenSeries({ points }, rules);
  const told = [
    `raised ${minuteText(alert.created_at)} UTC, ${endOf(explanation)}`,
    `rules: ${rules === null ? alert.rule_version : rulesInWords(rules)}`,
  ];
  return await render(
    {
      title: titled(`${alert.severity} of ${alert.endpoint_id}, participant ${alert.participant}`, told, SIZE),
      legend: { bottom: 0, itemGap: 28 },
      grid: { left: 90, right: 40, top: 112, bottom: 92 },
      xAxis: timeAxis,
      yAxis: tokenAxis,
      series: [{ ...tokens, markLine: { symbol: 'none', data: marksOf(explanation) } }, ...thresholds],
      ...(points.length === 0 ? { graphic: emptyNote('History of this time is no longer kept.', 250) } : {}),
    },
    SIZE,
  );
}

const endOf = ({ alert }: Explanation): string =>
  alert.resolved_at === null
    ? 'still open'
    : `resolved ${minuteText(alert.resolved_at)} UTC (${alert.resolution_reason ?? ''})`;

/** The labels lie on the far sides of the two lines: however near these are, they don't overlap. */
function marksOf({ alert, profile }: Explanation) {
  if (profile === null) return [];
  const raised = {
    ...{ at: alert.created_at, text: 'raised', align: 'right' as const },
    color: alert.severity === 'CRITICAL' ? COLOURS.critical : COLOURS.warning,
  };
  const resolved = {
    ...{ at: alert.resolved_at, text: (alert.resolution_reason ?? 'resolved').toLowerCase() },
    ...{ align: 'left' as const, color: COLOURS.ok },
  };
  return [raised, resolved].flatMap(({ at, text, color, align }) =>
    at === null
      ? []
      : [
          {
            ...{ xAxis: at, lineStyle: { color, type: 'solid' as const, width: 1.5 } },
            label: { formatter: text, color, align, position: 'end' as const },
          },
        ],
  );
}
