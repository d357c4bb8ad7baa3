/** `balde alerts`: alerts, newest first. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { pickBuckets } from '../../operate/buckets.ts';
import { alertsBetween, alertScores, countAlerts } from '../../views/alerts.ts';
import type { AlertFilter } from '../../views/alerts.ts';
import { callAlertsBetween } from '../../views/callAlerts.ts';
import type { Severity } from '../../domain/events.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { limitOption, oneOfAnyCase } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { checkOrder, fromOption, toOption } from '../options/times.ts';
import type { TimeRange } from '../options/times.ts';
import type { Sql } from '../../store/database.ts';
import { alertJson, alertScoresText, alertsText } from '../render/alerts.ts';
import { callAlertJson, callAlertsText } from '../render/callAlerts.ts';

interface AlertsOptions extends CommonOptions, TimeRange {
  readonly open?: boolean;
  readonly score?: boolean;
  readonly calls?: boolean;
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
all. ID is the beginning of an alert's id: balde explain takes it.

--score judges incidents (alerts of a bucket, each raised when the one before was resolved) by history: whether the bucket
was seen at or below zero before the incident was over, and how long after its first alert; FALSE are those where it was
not. Outages that no alert came before are in balde what-if.`;

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
      new Option('--score', 'tell how often the bucket did become empty, and how long after').conflicts([
        ...['open', 'severity', 'level', 'limit'],
      ]),
      new Option('--calls', "alerts about the participant's own calls instead").conflicts([
        ...['score', 'severity', 'level'],
      ]),
    ],
    help: HELP,
    check: ({ options }) => checkOrder(options),
    read: async (asked: AskedOf<AlertsOptions>) => {
      if (asked.options.calls === true) return await listCallAlerts(asked);
      return asked.options.score === true ? await scoreAlerts(asked) : await listAlerts(asked);
    },
    // Questions that differ, each with forms of its own.
    text: ({ text }) => text(),
    json: ({ json }) => json(),
  });

async function listAlerts({ storage: { database }, options }: AskedOf<AlertsOptions>) {
  const filter: AlertFilter = {
    ...filterOf(options),
    open: options.open ?? false,
    severity: options.severity ?? options.level ?? null,
  };
  const limit = options.limit ?? (options.json === true ? null : MAX_LINES);
  const alerts = await alertsBetween(database, filter, limit);
  if (alerts.length === 0) await checkBucket(database, options);
  const all = alerts.length === limit ? await countAlerts(database, filter) : alerts.length;
  return {
    text: () => alertsText({ alerts, filter, more: all - alerts.length }),
    json: (): unknown => alerts.map(alertJson),
  };
}

async function scoreAlerts({ storage: { database }, options }: AskedOf<AlertsOptions>) {
  const scores = await alertScores(database, filterOf(options));
  if (scores.length === 0) await checkBucket(database, options);
  return { text: () => alertScoresText(scores), json: (): unknown => scores };
}

async function listCallAlerts({ storage: { database }, options }: AskedOf<AlertsOptions>) {
  const filter = { ...filterOf(options), open: options.open ?? false };
  const limit = options.limit ?? (options.json === true ? null : MAX_LINES);
  const alerts = await callAlertsBetween(database, filter, limit);
  if (alerts.length === 0) await checkBucket(database, options);
  return { text: () => callAlertsText(alerts), json: (): unknown => alerts.map(callAlertJson) };
}

const filterOf = ({ from, to, participant, policy }: AlertsOptions) => ({
  from: from ?? null,
  to: to ?? null,
  participant: participant ?? null,
  policy: policy ?? null,
});

/** Nothing found, of a bucket that there never was: said, not taken for a good sign. */
async function checkBucket(database: Sql, options: AlertsOptions): Promise<void> {
  if (options.participant !== undefined || options.policy !== undefined) await pickBuckets(database, options);
}
