/** The report of a rebuild as text and as JSON. */
import type { EpochMs } from '../../domain/events.ts';
import { peakRssMib } from '../../peakMemory.ts';
import type { RebuildReport } from '../../rebuild/rebuild.ts';
import { iso, numberText, timeText } from '../../format.ts';
import { leftOutText, takenOverText, unloggedJson } from './unlogged.ts';
import { comparisonText } from './comparison.ts';

export interface RebuildAnswer {
  readonly what: string;
  readonly report: RebuildReport;
  /** `null`: it goes on with live events. */
  readonly until: EpochMs | null;
  /** How long filling took. */
  readonly seconds: number;
}

export const rebuildJson = ({ what, report, seconds, until }: RebuildAnswer) => ({
  projection: what,
  version: report.version,
  until: iso(until),
  resumed: report.resumed,
  events: report.fill.events,
  seconds,
  total_seconds: Math.round(performance.now()) / 1000,
  peak_rss_mib: peakRssMib(),
  poison: report.fill.poison,
  expired_rows: report.fill.expired,
  carried_rows: report.carried.rows,
  taken_over: report.carried.takenOver.map(unloggedJson),
  left_out: report.carried.leftOut.map(unloggedJson),
  caught_up_events: report.caughtUp,
  compared_rows: report.comparison?.rows ?? null,
  served: report.cutOver !== null,
  previous_version: report.cutOver?.from ?? null,
  locked_ms: report.cutOver?.lockedMs ?? null,
});

export function rebuildText({ what, report, seconds, until }: RebuildAnswer): string[] {
  const { fill, carried, comparison, version } = report;
  const rate = seconds > 0 ? Math.round(fill.events / seconds) : 0;
  const upTo = until === null ? '' : ` up to ${timeText(until)}`;
  const lines = [
    `${what} version ${version}: ${numberText(fill.events)} events${upTo} in ${seconds.toFixed(1)} s, ${numberText(rate)} events/s` +
      (report.resumed ? ' (went on with an unfinished rebuild)' : ''),
    ...takenOverText(carried.takenOver),
    ...leftOutText(carried.leftOut),
  ];
  if (fill.expired > 0)
    lines.push(`${numberText(fill.expired)} rows are older than retention keeps, and were left out`);
  if (fill.poison > 0) lines.push(`${numberText(fill.poison)} messages can't be decoded: see balde dead-letters list`);
  if (comparison !== null) lines.push(...comparisonText(comparison));
  return [...lines, endText(what, report, until)];
}

function endText(what: string, { version, cutOver }: RebuildReport, until: EpochMs | null): string {
  if (until !== null) {
    return (
      `kept beside the version in service as what was known at ${timeText(until)}, in schema ${what}_v${version}. ` +
      `It can't be put in service; balde projections drop ${what} ${version} removes it`
    );
  }
  if (cutOver === null) return `not put in service: balde projections cut-over ${what} ${version} does that`;
  return (
    `in service, after version ${cutOver.from ?? '-'}: the views were locked for ${cutOver.lockedMs.toFixed(0)} ms. ` +
    `balde projections rollback ${what} goes back`
  );
}
