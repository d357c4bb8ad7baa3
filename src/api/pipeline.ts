/** How Balde itself fares, and what somebody should look after. */
import { allJudgeAlike } from '../app/presence.ts';
import { ROLES } from '../config/roles.ts';
import type { EpochMs } from '../domain/events.ts';
import { durationText, iso, numbered } from '../format.ts';
import { retentionStanding } from '../serve/operations.ts';
import type { Sql } from '../store/database.ts';
import { outboxBacklog } from '../store/outbox.ts';
import { livingProcesses } from '../store/processes.ts';
import type { LivingProcess } from '../store/processes.ts';
import type { Concern, PipelineHealth } from './answers.ts';
import type { LagNow } from './lag.ts';

/** Longer behind, or waiting, than that is no passing thing. Seconds. */
const PATIENCE_SECONDS = 60;
/** Months that history must be prepared for beyond the current one. */
const MONTHS_AHEAD = 2;
/** Roles without which the page shows old news; the others have concerns of their own, or are optional. */
const NEEDED = ROLES.filter((role) => !['http', 'archive', 'retention'].includes(role));

interface Told {
  readonly now: EpochMs;
  readonly lag: LagNow | null;
  readonly newest: EpochMs | null;
  readonly staleAfterSeconds: number;
}

export async function pipelineHealth(sql: Sql, told: Told): Promise<PipelineHealth> {
  const { now, lag, newest } = told;
  const { monthsAhead, retentionSucceededAt } = await retentionStanding(sql, now);
  const backlog = await outboxBacklog(sql);
  const processes = await livingProcesses(sql);
  const outbox = {
    entries: backlog.reduce((sum, { entries }) => sum + entries, 0),
    seconds: Math.max(0, ...backlog.map(({ oldest }) => (now - oldest) / 1000)),
  };
  return {
    last_observation: iso(newest),
    lag_events: lag?.events ?? null,
    lag_seconds: lag?.seconds ?? null,
    outbox: outbox.entries,
    retention_succeeded_at: iso(retentionSucceededAt),
    retention_months_ahead: monthsAhead,
    processes: processes.map(({ host, pid, roles, standingBy, seenAt }) => ({
      name: `${host}:${pid}`,
      roles,
      standing_by: standingBy,
      seen_at: iso(seenAt),
    })),
    next_polls: nextPolls(processes),
    concerns: concerns({ ...told, outbox, monthsAhead, processes }),
  };
}

const nextPolls = (processes: readonly LivingProcess[]): PipelineHealth['next_polls'] =>
  processes
    .flatMap((process) => process.nextPolls)
    .sort((a, b) => a.at - b.at)
    .map(({ participant, policy, at, reason }) => ({ participant, endpoint_id: policy, at: iso(at), reason }));

interface Known extends Told {
  readonly outbox: { readonly entries: number; readonly seconds: number };
  readonly monthsAhead: number | null;
  readonly processes: readonly LivingProcess[];
}

function concerns({ now, lag, newest, staleAfterSeconds, outbox, monthsAhead, processes }: Known): Concern[] {
  const silent = newest === null ? 0 : (now - newest) / 1000;
  const missing = NEEDED.filter((role) => !processes.some(({ roles }) => roles.includes(role)));
  return [
    ...(newest === null ? [concern('NO_OBSERVATION', 'No observation has come yet.')] : []),
    ...(silent > staleAfterSeconds
      ? [concern('SILENT', `The newest observation is ${durationText(silent)} old.`, { seconds: Math.floor(silent) })]
      : []),
    ...missing.map((role) => concern('NOBODY', `No running process has the role ${role}.`, { role })),
    ...(lag !== null && lag.seconds > PATIENCE_SECONDS
      ? [
          concern('LAGGING', `A processor is ${numbered(lag.events, 'event')} behind, ${durationText(lag.seconds)}.`, {
            ...lag,
          }),
        ]
      : []),
    ...(outbox.seconds > PATIENCE_SECONDS
      ? [
          concern(
            'OUTBOX',
            `${numbered(outbox.entries, 'event')} wait to be sent, the oldest for ${durationText(outbox.seconds)}.`,
            { entries: outbox.entries, seconds: Math.floor(outbox.seconds) },
          ),
        ]
      : []),
    ...(monthsAhead !== null && monthsAhead < MONTHS_AHEAD
      ? [
          concern('MONTHS_AHEAD', `History is prepared for ${numbered(monthsAhead, 'month')} ahead only.`, {
            months: monthsAhead,
          }),
        ]
      : []),
    ...(allJudgeAlike(processes)
      ? []
      : [concern('JUDGED_DIFFERENTLY', 'Running processes judge buckets by different thresholds.')]),
  ];
}

const concern = (code: Concern['code'], text: string, values: Concern['values'] = {}): Concern => ({
  code,
  text,
  values,
});
