/** Who reads a page: language, time zone and theme, by the address, else by cookies, else by what browsers ask for. */
import type { IncomingHttpHeaders } from 'node:http';

export const LANGUAGES = ['en', 'pt-BR'] as const;
export type Language = (typeof LANGUAGES)[number];
export const ZONES = ['America/Sao_Paulo', 'UTC'] as const;
export type Zone = (typeof ZONES)[number];
export const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

export interface Reader {
  readonly language: Language;
  readonly zone: Zone;
  readonly theme: Theme;
}

/** The parameter of the address for each, and in `balde_<parameter>` the cookie. */
export const SWITCHES = { language: 'lang', zone: 'zone', theme: 'theme' } as const satisfies Record<
  keyof Reader,
  string
>;

const YEAR_SECONDS = 31_536_000;

/** What is unknown counts as not given. */
export function readerOf(query: URLSearchParams, headers: IncomingHttpHeaders): Reader {
  const cookies = cookiesOf(headers.cookie ?? '');
  const given = (parameter: string): (string | undefined)[] => [
    query.get(parameter) ?? undefined,
    cookies.get(`balde_${parameter}`),
  ];
  const language = firstOf(LANGUAGES, given(SWITCHES.language)) ?? preferredLanguage(headers['accept-language'] ?? '');
  return {
    language,
    zone: firstOf(ZONES, given(SWITCHES.zone)) ?? (language === 'pt-BR' ? 'America/Sao_Paulo' : 'UTC'),
    theme: firstOf(THEMES, given(SWITCHES.theme)) ?? 'auto',
  };
}

/** What makes a choice in the address last: one cookie, that of the first choice in it. `null` without any. */
export function chosenCookie(query: URLSearchParams, reader: Reader): string | null {
  for (const [of, parameter] of Object.entries(SWITCHES) as [keyof Reader, string][])
    if (query.get(parameter) === reader[of]) return cookieText(parameter, reader[of]);
  return null;
}

/** As `set-cookie` takes it. */
const cookieText = (parameter: string, value: string): string =>
  `balde_${parameter}=${value}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax`;

const firstOf = <T extends string>(known: readonly T[], given: readonly (string | undefined)[]): T | undefined =>
  given.map((value) => known.find((each) => each === value)).find((value) => value !== undefined);

const cookiesOf = (header: string): ReadonlyMap<string, string> =>
  new Map(
    header.split(';').map((pair) => {
      const [name = '', value = ''] = pair.split('=');
      return [name.trim(), value.trim()] as const;
    }),
  );

/** By RFC 9110, 12.5.4: the known language with the highest weight; English when none is asked for. */
function preferredLanguage(header: string): Language {
  const weighed = header.split(',').map((range) => {
    const [tag = '', ...parameters] = range.trim().toLowerCase().split(';');
    const weight = parameters.map((text) => /^\s*q=([\d.]+)$/.exec(text)?.[1]).find((text) => text !== undefined);
    return { tag, weight: weight === undefined ? 1 : Number(weight) };
  });
  const known = weighed.filter(({ tag, weight }) => /^(en|pt)\b/.test(tag) && weight > 0);
  const best = known.sort((a, b) => b.weight - a.weight)[0];
  return best?.tag.startsWith('pt') === true ? 'pt-BR' : 'en';
}
