/** Plan and report of retention as text and as JSON. */
import type { RetentionPlan, RetentionReport } from '../../retain/compactor.ts';
import { iso, numberText, timeText } from '../../format.ts';

export interface RetentionAnswer {
  readonly months: number;
  readonly plan: RetentionPlan;
  /** `null`: it was only planned. */
  readonly report: RetentionReport | null;
  /** Steps that could not be done. */
  readonly problems: readonly string[];
}

export function retentionJson({ months, plan, report, problems }: RetentionAnswer) {
  if (report === null) return planJson(plan, months);
  return { ...report, ...{ months, horizon: iso(report.horizon), newest: iso(report.newest), problems } };
}

export const retentionText = ({ months, plan, report, problems }: RetentionAnswer): string[] =>
  report === null
    ? planText(plan, months)
    : [...reportText(report, months), ...problems.map((problem) => `NOT DONE  ${problem}`)];

const dropText = ({ name, rows }: RetentionPlan['drops'][number]): string => `${name}, ${numberText(rows)} rows`;

export const dropQuestion = (drops: RetentionPlan['drops'], months: number): string =>
  [
    `this would drop, for good, what is older than ${months} whole months:`,
    ...drops.map((drop) => `  ${dropText(drop)}`),
    'Nothing was done. Say --yes as well, or --dry-run to see all that a run would do.',
  ].join('\n');

const planJson = ({ horizon, newest, creates, drops, trimsBefore }: RetentionPlan, months: number) => ({
  dry_run: true,
  months,
  horizon: iso(horizon),
  newest: iso(newest),
  would_create: creates.map(({ table, month }) => ({ table, month: iso(month).slice(0, 7) })),
  would_drop: drops.map(({ name, rows }) => ({ partition: name, rows })),
  would_trim_before: iso(trimsBefore),
});

const planText = ({ horizon, newest, creates, drops, trimsBefore }: RetentionPlan, months: number): string[] => [
  `would keep    ${months} whole months; newest observation ${timeText(newest)}`,
  `horizon       ${horizon === null ? '- (no history yet)' : timeText(horizon)}`,
  `would create  ${creates.length === 0 ? 'nothing: the months ahead exist' : createsText(creates)}`,
  `would drop    ${drops.length === 0 ? 'nothing: no month is past retention' : drops.map(dropText).join('; ')}`,
  `would trim    ${trimsBefore === null ? 'nothing of the event log' : `messages of the event log from before ${timeText(trimsBefore)} that every processor has read`}`,
  'nothing was done: this was a rehearsal',
];

/** `states_v1.history for 2026-11 2026-12; …`. */
function createsText(creates: RetentionPlan['creates']): string {
  const months = new Map<string, string[]>();
  for (const { table, month } of creates) months.set(table, [...(months.get(table) ?? []), iso(month).slice(0, 7)]);
  return [...months].map(([table, list]) => `${table} for ${list.sort().join(' ')}`).join('; ');
}

function reportText({ created, dropped, trimmed, horizon, newest }: RetentionReport, months: number): string[] {
  return [
    `kept      ${months} whole months; newest observation ${timeText(newest)}`,
    `horizon   ${horizon === null ? '- (no history yet)' : `${timeText(horizon)}: nothing older is kept or taken in`}`,
    `created   ${created.length === 0 ? 'nothing: the months ahead exist' : created.join(', ')}`,
    `dropped   ${dropped.length === 0 ? 'nothing: no month is past retention' : dropped.join(', ')}`,
    `trimmed   ${trimmed} messages of the event log`,
  ];
}
