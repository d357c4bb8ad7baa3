/** Options of the commands that simulate. */
import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../config/duration.ts';
import { ATTENTION_RULES } from '../../poll/attention.ts';
import { checkSchedule } from '../../poll/schedule.ts';
import type { Schedule } from '../../poll/schedule.ts';
import { CALLING_SYSTEMS, LOOKING_SYSTEM, OUTCOMES_WINDOW_MS } from '../../simulator/outcomes.ts';
import { WINDOW_SECONDS } from '../../domain/outcomes.ts';
import { SECOND_MS } from '../../domain/time.ts';
import { oneOf } from './parsers.ts';

const SOURCES: readonly string[] = [...CALLING_SYSTEMS.map(({ source }) => source), LOOKING_SYSTEM];

export const refillOption = (): Option =>
  new Option('--refill <how>', 'how tokens come back: lump (each period at once) or drip')
    .default('lump')
    .argParser(oneOf(['lump', 'drip'] as const));

export const trafficOption = (description: string): Option => new Option('--traffic <file>', description);

export const TRAFFIC_HELP = `
A traffic file is CSV, packed if its name ends in .gz, with the columns second (from the start), policy, charge (tokens
asked for in that second), credit, and optionally participant and not_found (requests of the charge that are answered
404); what has no row is 0.`;

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

export const hideSourceOption = (): Option =>
  new Option('--hide-source <name>', `a calling system that reports nothing: ${SOURCES.join(', ')}; may be repeated`)
    .default([], 'none')
    .argParser((text: string, before: readonly string[]) => [...before, oneOf(SOURCES)(text)]);

export const outcomesWindowOption = (): Option =>
  new Option('--outcomes-window <seconds>', `length of the windows that are reported: ${WINDOW_SECONDS.join(', ')}`)
    .default(OUTCOMES_WINDOW_MS / SECOND_MS)
    .argParser((text) => Number(oneOf(WINDOW_SECONDS.map(String))(text)));
