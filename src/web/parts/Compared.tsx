/** What other rules would have raised, beside what was really raised. */
import { bucketAddress } from '../addresses.ts';
import { differencesOf } from '../explained.ts';
import type { SideFigures } from '../../api/answers.ts';
import type { Difference, Outages, RulesCompared } from '../explained.ts';
import { useReading } from './context.ts';
import { Level } from './Level.tsx';
import { Table } from './Table.tsx';
import { Timeline } from './Timeline.tsx';

/** More are for the command's CSV. */
const LISTED = 100;

export function Compared({ compared }: { readonly compared: RulesCompared }) {
  const { t, words } = useReading();
  const { summary } = compared;
  const differences = differencesOf(compared);
  return (
    <>
      <section class="panel" aria-label={t.trial.title}>
        <Sides baseline={summary.baseline} whatIf={summary.what_if} />
        {summary.outages !== undefined && <OutageTable outages={summary.outages} />}
        <Counts title={t.trial.alerts} counts={summary} />
        <Counts title={t.trial.incidents} counts={summary.incidents} />
        <p class="quiet">
          {t.trial.observed(
            words.number(summary.observations),
            words.time(summary.history_from),
            words.time(summary.history_to),
          )}
        </p>
      </section>
      <section class="panel" aria-labelledby="differences">
        <h2 id="differences">{t.trial.differences}</h2>
        {differences.length === 0 ? (
          <p class="quiet">{t.trial.same}</p>
        ) : (
          <>
            <Timeline differences={differences} />
            <Differences differences={differences} />
          </>
        )}
      </section>
    </>
  );
}

function Sides({ baseline, whatIf }: { readonly baseline: SideFigures; readonly whatIf: SideFigures }) {
  const { t, words } = useReading();
  const lead = (seconds: number | null): string =>
    seconds === null ? words.number(null) : `${seconds < 0 ? '−' : ''}${words.duration(Math.abs(seconds))}`;
  return (
    <Table
      label={t.trial.then}
      kind="sides"
      columns={[
        ...[t.trial.side, t.trial.alerts, t.levels.WARNING, t.levels.CRITICAL, t.trial.incidents, t.trial.flaps],
        ...[t.trial.reachedZero, t.trial.lead, t.trial.least],
      ]}
    >
      {(
        [
          [t.trial.really, baseline],
          [t.trial.then, whatIf],
        ] as const
      ).map(([name, side]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          {[side.alerts, side.warning, side.critical, side.incidents, side.flaps, side.reached_zero].map((value, i) => (
            <td key={i}>{words.number(value)}</td>
          ))}
          <td>{lead(side.lead_median_seconds)}</td>
          <td>{lead(side.lead_min_seconds)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** What was announced before it happened, and what was not. */
function OutageTable({ outages }: { readonly outages: Outages }) {
  const { t, words } = useReading();
  if (outages.count === 0) return <p class="quiet">{t.trial.noOutage}</p>;
  const lines = [
    [t.trial.really, outages.baseline],
    [t.trial.then, outages.what_if],
    [t.trial.forecasts, outages.forecast],
    ...(outages.what_if_forecast
      ? [
          [
            t.trial.foreseen(words.duration(outages.what_if_forecast.horizon_seconds)),
            outages.what_if_forecast,
          ] as const,
        ]
      : []),
    ...(outages.coarser
      ? [[t.trial.coarser(words.duration(outages.coarser.every_seconds)), outages.coarser] as const]
      : []),
  ] as const;
  return (
    <Table
      label={t.trial.announced}
      kind="sides"
      caption={t.trial.outages(words.number(outages.count))}
      columns={[t.trial.side, t.trial.announced, t.trial.missed, t.trial.lead, t.trial.least]}
    >
      {lines.map(([name, { announced, lead_median_seconds: median, lead_min_seconds: least }]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          <td>{words.number(announced)}</td>
          <td>{words.number(outages.count - announced)}</td>
          <td>{words.duration(median)}</td>
          <td>{words.duration(least)}</td>
        </tr>
      ))}
    </Table>
  );
}

function Counts({ title, counts }: { readonly title: string; readonly counts: RulesCompared['summary']['incidents'] }) {
  const { t, words } = useReading();
  const names = Object.keys(t.trial.counts) as (keyof typeof t.trial.counts)[];
  return (
    <p class="changes">
      <b>{title}</b>
      {names.map((name) => (
        <span key={name} class={counts[name] === 0 ? 'quiet' : `change-${name}`}>
          {words.number(counts[name])} {t.trial.counts[name]}
        </span>
      ))}
    </p>
  );
}

function Differences({ differences }: { readonly differences: readonly Difference[] }) {
  const { t, words } = useReading();
  const rest = differences.length - LISTED;
  return (
    <>
      <Table
        label={t.alerts}
        kind="differences"
        columns={[t.trial.change, t.columns.level, t.columns.bucket, t.trial.raised, t.trial.resolved, t.trial.shift]}
      >
        {differences.slice(0, LISTED).map((difference, i) => (
          <DifferenceRow key={i} difference={difference} />
        ))}
      </Table>
      {rest > 0 && <p class="quiet">{t.trial.more(words.number(rest))}</p>}
    </>
  );
}

/** So much beside the alert is shown in the bucket's chart. Milliseconds. */
const BESIDE_MS = 3_600_000;

function DifferenceRow({
  difference: { changes, baseline, whatIf, shiftSeconds },
}: {
  readonly difference: Difference;
}) {
  const { t, words } = useReading();
  const alert = whatIf ?? baseline;
  if (alert === null) return null;
  const raisedAt = Date.parse(alert.created_at);
  const ends = {
    from: new Date(raisedAt - BESIDE_MS).toISOString(),
    to: new Date(Date.parse(alert.resolved_at ?? alert.created_at) + BESIDE_MS).toISOString(),
  };
  const shift =
    shiftSeconds === null || shiftSeconds === 0
      ? ''
      : `${shiftSeconds < 0 ? '−' : '+'}${words.duration(Math.abs(shiftSeconds))}`;
  return (
    <tr>
      <td>
        <span class={`change-${changes[0] ?? ''}`}>{changes.map((change) => t.trial.counts[change]).join(', ')}</span>
      </td>
      <td>
        <Level level={alert.severity} />
      </td>
      <td>
        <a href={bucketAddress(alert, ends)}>{alert.endpoint_id}</a> <small>{alert.participant}</small>
      </td>
      <td>{words.time(alert.created_at)}</td>
      <td>{alert.resolved_at === null ? t.open : words.time(alert.resolved_at)}</td>
      <td>{shift}</td>
    </tr>
  );
}
