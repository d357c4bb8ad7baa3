/** `balde alerts`: alerts, newest first. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { pickBuckets } from '../../operate/buckets.ts';
import { alertsBetween, countAlerts } from '../../views/alerts.ts';
import type { AlertFilter } from '../../views/alerts.ts';
import type { Severity } from '../../domain/events.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { limitOption, oneOfAnyCase } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { checkOrder, fromOption, toOption } from '../options/times.ts';
import type { TimeRange } from '../options/times.ts';
import { alertJson, alertsText } from '../render/alerts.ts';

interface AlertsOptions extends CommonOptions, TimeRange {
  readonly open?: boolean;
  readonly limit?: number;
  readonly participant?: string;
  readonly policy?: string;
  readonly severity?: Severity;
  readonly level?: Severity;
}

/** Lines that a person looks through. JSON is for programs, and whole unless they say otherwise. */
const MAX_LINES = 50;
const SEVERITIES = ['WARNING', 'CRITICAL'] as const;

const HELP = `
--from and --to are about the time at which an alert was raised. Without --limit, the newest ${MAX_LINES} are listed; with --json,
all. ID is the beginning of an alert's id: balde explain takes it.`;

export const alertsCommand = (): Command =>
  readingCommand({
    name: 'alerts',
    description: 'list alerts, newest first',
    options: [
      new Option('--open', 'open alerts only'),
      participantOption(),
      policyOption(),
      new Option('--severity <severity>', SEVERITIES.join(' or ')).argParser(oneOfAnyCase(SEVERITIES)),
      new Option('--level <severity>').argParser(oneOfAnyCase(SEVERITIES)).hideHelp(),
      fromOption(),
      toOption(),
      limitOption(),
    ],
    help: HELP,
    check: ({ options }) => checkOrder(options),
    read: listAlerts,
    text: alertsText,
    json: ({ alerts }) => alerts.map(alertJson),
  });

async function listAlerts({ storage: { database }, options }: AskedOf<AlertsOptions>) {
  const filter: AlertFilter = {
    open: options.open ?? false,
    from: options.from ?? null,
    to: options.to ?? null,
    participant: options.participant ?? null,
    policy: options.policy ?? null,
    severity: options.severity ?? options.level ?? null,
  };
  const limit = options.limit ?? (options.json === true ? null : MAX_LINES);
  const alerts = await alertsBetween(database, filter, limit);
  // Nothing found, of a bucket that there never was: said, not taken for a good sign.
  if (alerts.length === 0 && (filter.participant !== null || filter.policy !== null))
    await pickBuckets(database, options);
  const all = alerts.length === limit ? await countAlerts(database, filter) : alerts.length;
  return { alerts, filter, more: all - alerts.length };
}
