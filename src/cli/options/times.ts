/** Times as people write them, and the options that take them: one way for every command. */
import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../config/duration.ts';
import type { EpochMs } from '../../domain/events.ts';
import { UsageError } from '../../errors.ts';
import { timeText } from '../../format.ts';

const DAY_MS = 86_400_000;

/** What `--from` and `--to` give. */
export interface TimeRange {
  /** Included. */
  readonly from?: EpochMs;
  /** Excluded. */
  readonly to?: EpochMs;
}

export const TIMES_HELP = `
Times are UTC unless they name their offset: 2026-01-31 (its first instant), 2026-01-31T12:00, 2026-01-31T12:00:30Z,
2026-01-31T09:00-03:00; or now, today, yesterday (their first instant, UTC); or 90m, 1h, 7d: so long ago.`;

const DATE = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/;
const CLOCK = /^(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?$/;
const OFFSET = /^(?:Z|([+-])(\d{2})(?::?(\d{2}))?)$/i;
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October'],
  ...['November', 'December'],
];

const wrong = (why = ''): InvalidArgumentError =>
  new InvalidArgumentError(
    `${why}a time such as 2026-01-31, 2026-01-31T12:00:00Z, now, yesterday or 1h (ago) is needed.`,
  );

/** Milliseconds since 1970. @param now the present time, for what is said relative to it */
export function parseTime(text: string, now: EpochMs = Date.now()): EpochMs {
  const said = text.trim();
  return parseWord(said.toLowerCase(), now) ?? parseWritten(said);
}

function parseWord(word: string, now: EpochMs): EpochMs | null {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  if (word === 'now') return now;
  if (word === 'today') return today;
  if (word === 'yesterday') return today - DAY_MS;
  const ago = parseDuration(word.replace(/\s+ago$/, ''));
  if (ago === null) return null;
  if (ago > now) throw wrong('that is before 1970: ');
  return now - ago;
}

function parseWritten(text: string): EpochMs {
  const [, date = '', rest = ''] = /^([^Tt ]+)(?:[Tt ](.+))?$/.exec(text) ?? [];
  const day = parseDate(date);
  if (rest === '') {
    if (date !== text) throw wrong();
    return day;
  }
  const at = rest.search(/[Zz+-]/);
  const clock = at === -1 ? rest : rest.slice(0, at);
  return day + parseClock(clock) - (at === -1 ? 0 : parseOffset(rest.slice(at)));
}

function parseDate(text: string): EpochMs {
  const match = DATE.exec(text);
  if (match === null) throw wrong();
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 1)];
  const name = MONTHS[month - 1];
  if (name === undefined) throw wrong(`there is no month ${month}: `);
  const first = new Date(0).setUTCFullYear(year, month - 1, 1);
  const days = new Date(new Date(0).setUTCFullYear(year, month, 0)).getUTCDate();
  if (year === 0) throw wrong('there is no year 0: ');
  if (day < 1 || day > days) throw wrong(`there is no ${day} ${name} ${year}, that month has ${days} days: `);
  return first + (day - 1) * DAY_MS;
}

function parseClock(text: string): number {
  const match = CLOCK.exec(text);
  if (match === null) throw wrong();
  const [hours, minutes, seconds] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) throw wrong(`no clock shows ${text}: `);
  const milliseconds = Number((match[4] ?? '').slice(0, 3).padEnd(3, '0'));
  return ((hours * 60 + minutes) * 60 + seconds) * 1_000 + milliseconds;
}

function parseOffset(text: string): number {
  const match = OFFSET.exec(text);
  if (match === null) throw wrong();
  const [hours, minutes] = [Number(match[2] ?? 0), Number(match[3] ?? 0)];
  if (hours > 14 || minutes > 59) throw wrong(`no time zone is at ${text}: `);
  return (match[1] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** An option that takes a time. Its command's help says how times are written. */
export class TimeOption extends Option {
  constructor(flags: string, what: string) {
    super(flags, `${what} (UTC)`);
    this.argParser((text: string) => parseTime(text));
  }
}

export const fromOption = (): Option => new TimeOption('--from <time>', 'from this time on');
export const toOption = (): Option => new TimeOption('--to <time>', 'before this time');

/** @throws {UsageError} the times enclose nothing */
export function checkOrder({ from, to }: TimeRange): void {
  if (from === undefined || to === undefined || from < to) return;
  throw new UsageError(`--from must be before --to: ${timeText(from)} is not before ${timeText(to)}`);
}
