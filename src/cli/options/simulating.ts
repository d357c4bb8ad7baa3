/** Options of the commands that simulate. */
import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../config/duration.ts';
import { ATTENTION_RULES } from '../../poll/attention.ts';
import { checkSchedule } from '../../poll/schedule.ts';
import type { Schedule } from '../../poll/schedule.ts';
import { oneOf } from './parsers.ts';

export const refillOption = (): Option =>
  new Option('--refill <how>', 'how tokens come back: lump (each period at once) or drip')
    .default('lump')
    .argParser(oneOf(['lump', 'drip'] as const));

export const trafficOption = (description: string): Option => new Option('--traffic <file>', description);

export const TRAFFIC_HELP = `
A traffic file is CSV, packed if its name ends in .gz, with the columns second (from the start), policy, charge (tokens
asked for in that second), credit, and optionally participant; what has no row is 0.`;

export const scheduleOption = (): Option =>
  new Option('--schedule <when>', 'adaptive, an interval such as 5m or 10s, or a cron expression in quotes (UTC)')
    .default(ADAPTIVE, 'adaptive')
    .argParser(parseSchedule);

const ADAPTIVE: Schedule = { kind: 'adaptive', reservePercent: ATTENTION_RULES.reservePercent };

/** The shortest interval that makes sense: DICT's bucket of list calls refills every ten seconds. */
const SHORTEST_MS = 1_000;

function parseSchedule(text: string): Schedule {
  if (text === 'adaptive') return ADAPTIVE;
  const ms = parseDuration(text);
  if (ms !== null && ms < SHORTEST_MS) throw new InvalidArgumentError('An interval is at least 1s.');
  const schedule: Schedule = ms === null ? { kind: 'cron', expression: text } : { kind: 'every', ms };
  try {
    checkSchedule(schedule);
  } catch {
    throw new InvalidArgumentError(
      'It is adaptive, an interval such as 5m, or a cron expression such as "*/5 * * * *".',
    );
  }
  return schedule;
}
