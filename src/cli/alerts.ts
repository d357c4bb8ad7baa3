/** `balde alerts`: alerts, newest first. */
import { Command, Option } from 'commander';
import type { EpochMs } from '../domain/events.ts';
import { alertsBetween } from '../serve/alertList.ts';
import type { AlertRow } from '../serve/alertList.ts';
import { durationText, iso, numberText, table, timeText } from './format.ts';
import type { Column } from './format.ts';
import { jsonOption, printJson, printLine, reading, withStorageOptions } from './common.ts';
import type { CommonOptions } from './common.ts';
import { parseTime, parseWhole } from './options.ts';

interface AlertsOptions extends CommonOptions {
  readonly open?: boolean;
  readonly limit?: number;
  readonly from?: EpochMs;
  readonly to?: EpochMs;
}

export function alertsCommand(): Command {
  const command = new Command('alerts')
    .description('list alerts, newest first')
    .addOption(new Option('--open', 'only those that are not resolved'))
    .addOption(new Option('--limit <n>', 'at most so many').argParser(parseWhole(1, 1_000_000)))
    .addOption(new Option('--from <time>', 'raised at this time or later, UTC').argParser(parseTime))
    .addOption(new Option('--to <time>', 'raised before this time, UTC').argParser(parseTime))
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (options: AlertsOptions) => await listAlerts(options));
}

async function listAlerts(options: AlertsOptions): Promise<void> {
  const { open = false, limit = null, from = null, to = null } = options;
  await reading(options, async ({ database }) => {
    const alerts = await alertsBetween(database, { open, limit, from, to });
    if (options.json === true) printJson(alerts.map(alertJson));
    else if (alerts.length === 0) printLine(open ? 'no open alert' : 'no alert');
    else for (const line of table(COLUMNS, alerts)) printLine(line);
  });
}

/** An alert as `--json` shows it: the columns of dict_rate_limit_alerts, times as ISO strings. */
export const alertJson = (alert: AlertRow) => ({
  ...alert,
  created_at: iso(alert.created_at),
  resolved_at: iso(alert.resolved_at),
});

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
];
