/** `balde alerts`: alerts, newest first. */
import { Command, Option } from 'commander';
import type { EpochMs, Severity } from '../../domain/events.ts';
import { alertsBetween, countAlerts } from '../../views/alerts.ts';
import type { AlertFilter, AlertRow } from '../../views/alerts.ts';
import { table } from '../render/table.ts';
import { durationText, iso, numberText, timeText } from '../../format.ts';
import type { Column } from '../render/table.ts';
import { jsonOption, printJson, printLine, observing, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { oneOfAnyCase, parseWhole } from '../options/parsers.ts';
import { participantOption, pickBuckets, policyOption } from '../options/buckets.ts';
import { checkOrder, fromOption, toOption, withTimesHelp } from '../options/times.ts';

interface AlertsOptions extends CommonOptions {
  readonly open?: boolean;
  readonly limit?: number;
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly participant?: string;
  readonly policy?: string;
  readonly severity?: Severity;
  readonly level?: Severity;
}

/** Lines that a person looks through. JSON is for programs, and whole unless they say otherwise. */
const MAX_LINES = 50;
const SEVERITIES = ['WARNING', 'CRITICAL'] as const;

const HELP = `
ID is the beginning of an alert's id: balde explain takes it.`;

export function alertsCommand(): Command {
  const command = new Command('alerts')
    .description('list alerts, newest first')
    .addOption(new Option('--open', 'open alerts only'))
    .addOption(participantOption())
    .addOption(policyOption())
    .addOption(new Option('--severity <severity>', SEVERITIES.join(' or ')).argParser(oneOfAnyCase(SEVERITIES)))
    .addOption(new Option('--level <severity>', 'the same').argParser(oneOfAnyCase(SEVERITIES)).hideHelp())
    .addOption(fromOption('raised at this time or later'))
    .addOption(toOption('raised before this time'))
    .addOption(
      new Option(
        '--limit <n>',
        `at most so many, the newest; ${MAX_LINES} unless given, with --json all of them`,
      ).argParser(parseWhole(1, 1_000_000)),
    )
    .addOption(jsonOption())
    .addHelpText('after', HELP);
  withTimesHelp(command);
  return withStorageOptions(command).action(async (options: AlertsOptions) => await listAlerts(options));
}

async function listAlerts(options: AlertsOptions): Promise<void> {
  const { from, to, json = false } = options;
  checkOrder(from, to);
  const filter: AlertFilter = {
    open: options.open ?? false,
    from: from ?? null,
    to: to ?? null,
    participant: options.participant ?? null,
    policy: options.policy ?? null,
    severity: options.severity ?? options.level ?? null,
  };
  await observing(options, async ({ database }) => {
    const limit = options.limit ?? (json ? null : MAX_LINES);
    const alerts = await alertsBetween(database, filter, limit);
    // Nothing found, and a bucket asked for that there never was: said, not taken for a good sign.
    if (alerts.length === 0 && (filter.participant !== null || filter.policy !== null))
      await pickBuckets(database, options);
    if (json) printJson(alerts.map(alertJson));
    else {
      const all = alerts.length === limit ? await countAlerts(database, filter) : alerts.length;
      for (const line of text(alerts, filter, all - alerts.length)) printLine(line);
    }
  });
}

function text(alerts: readonly AlertRow[], filter: AlertFilter, more: number): string[] {
  if (alerts.length === 0) return [nothingText(filter)];
  const rest = `and ${numberText(more)} older ${more === 1 ? 'one' : 'ones'}: --limit, --from, --open and others say which are shown`;
  return [...table(COLUMNS, alerts), ...(more > 0 ? [rest] : [])];
}

function nothingText({ open, from, to, ...where }: AlertFilter): string {
  const isNarrow = from !== null || to !== null || Object.values(where).some((value) => value !== null);
  return `no ${open ? 'open ' : ''}alert${isNarrow ? ' like that' : ''}`;
}

/** An alert as `--json` shows it: the columns of dict_rate_limit_alerts, times as ISO strings. */
export const alertJson = (alert: AlertRow) => ({
  ...alert,
  created_at: iso(alert.created_at),
  resolved_at: iso(alert.resolved_at),
});

/** Enough of an id to name an alert by. */
export const shortId = (id: string): string => id.slice(0, 8);

const COLUMNS: readonly Column<AlertRow>[] = [
  { title: 'RAISED', value: (a) => timeText(a.created_at) },
  { title: 'SEVERITY', value: (a) => a.severity },
  { title: 'PARTICIPANT', value: (a) => a.participant },
  { title: 'POLICY', value: (a) => a.endpoint_id },
  { title: 'TOKENS', value: (a) => numberText(a.available_tokens), right: true },
  { title: 'CAPACITY', value: (a) => numberText(a.capacity), right: true },
  { title: 'REASON', value: (a) => a.reason },
  { title: 'RESOLVED', value: (a) => (a.resolved ? timeText(a.resolved_at) : 'open') },
  {
    title: 'AFTER',
    value: (a) => durationText(a.resolved_at === null ? null : (a.resolved_at - a.created_at) / 1000),
    right: true,
  },
  { title: 'ID', value: (a) => shortId(a.id) },
];
