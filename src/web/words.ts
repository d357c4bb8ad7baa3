/** Numbers, times and durations in a reader's language and zone. The same text on the server and in every browser. */
import type { Language, Reader, Zone } from './reader.ts';

/** A dash for what is unknown. */
const UNKNOWN = '–';

export interface Words {
  readonly zoneName: string;
  number(value: number | null, digits?: number): string;
  /** `12.5 %`, with a space that does not break. */
  percent(value: number | null): string;
  /** Date and time of day to the second, with the zone's name. */
  time(at: string | number | null): string;
  /** As `time`, without the date when that is the day of `now`. */
  clock(at: string | number | null, now: number): string;
  /** Date alone. */
  day(at: string | number): string;
  /** As much as fits below an axis. */
  tick(at: number, stepSeconds: number): string;
  /** `45 s`, `4 min`, `2 h 05 min`, `4 d 02 h`. */
  duration(seconds: number | null): string;
}

const ZONE_NAMES: Readonly<Record<Zone, string>> = { 'America/Sao_Paulo': 'BRT', UTC: 'UTC' };

const made = new Map<string, Words>();

export function wordsFor({ language, zone }: Pick<Reader, 'language' | 'zone'>): Words {
  const key = `${language} ${zone}`;
  const words = made.get(key) ?? makeWords(language, zone);
  made.set(key, words);
  return words;
}

interface Parts {
  readonly day: string;
  readonly short: string;
  readonly time: string;
}

function makeWords(language: Language, zone: Zone): Words {
  const zoneName = ZONE_NAMES[zone];
  const partsOf = splitter(language, zone);
  const number = numberer(language);
  return {
    zoneName,
    number,
    percent: (value) => (value === null ? UNKNOWN : `${number(value, Math.abs(value) < 10 ? 1 : 0)}\u00a0%`),
    time: (at) => {
      if (at === null) return UNKNOWN;
      const { day, time } = partsOf(at);
      return `${day} ${time} ${zoneName}`;
    },
    clock: (at, now) => {
      if (at === null) return UNKNOWN;
      const { day, short, time } = partsOf(at);
      return day === partsOf(now).day ? `${time} ${zoneName}` : `${short} ${time.slice(0, 5)} ${zoneName}`;
    },
    day: (at) => partsOf(at).day,
    tick: (at, step) => {
      const { short, time } = partsOf(at);
      if (step < 60) return time;
      return step < 86_400 && !time.startsWith('00:00') ? time.slice(0, 5) : short;
    },
    duration,
  };
}

function splitter(language: Language, zone: Zone): (at: string | number) => Parts {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  });
  return (at) => {
    const part = Object.fromEntries(format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
    const { year = '', month = '', day = '', hour = '', minute = '', second = '' } = part;
    const isPortuguese = language === 'pt-BR';
    return {
      day: isPortuguese ? `${day}/${month}/${year}` : `${year}-${month}-${day}`,
      short: isPortuguese ? `${day}/${month}` : `${month}-${day}`,
      time: `${hour}:${minute}:${second}`,
    };
  };
}

function numberer(language: Language): Words['number'] {
  const byDigits = [0, 1, 2].map(
    (digits) =>
      new Intl.NumberFormat(language === 'pt-BR' ? 'pt-BR' : 'en-US', {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }),
  );
  return (value, digits = 0) => (value === null ? UNKNOWN : (byDigits[digits]?.format(value) ?? String(value)));
}

const STEPS = [
  ['d', 86_400, 'h', 3_600],
  ['h', 3_600, 'min', 60],
] as const;

/** Units are the same in both languages. */
function duration(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole}\u00a0s`;
  const rounded = Math.round(whole / 60) * 60;
  for (const [large, size, small, part] of STEPS)
    if (rounded >= size) {
      const rest = Math.floor((rounded % size) / part);
      return `${Math.floor(rounded / size)}\u00a0${large}${rest === 0 ? '' : `\u00a0${rest}\u00a0${small}`}`;
    }
  return `${rounded / 60}\u00a0min`;
}
