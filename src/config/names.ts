/** The names that are read, and which of them a name that is not was probably meant to be. */
import { settingsSchema } from './schema.ts';

/** Variables beside the settings. */
const OTHERS = [
  'PARTICIPANT',
  'BRIDGE_ADDRESS',
  'BRIDGE_TLS',
  'BRIDGE_TLS_CA_FILE',
  'BRIDGE_TLS_CERT_FILE',
  'BRIDGE_TLS_KEY_FILE',
  'BRIDGE_TLS_SERVER_NAME',
  'DATABASE_URL_FILE',
  'EVENTSTORE_URL_FILE',
  'BALDE_CONFIG',
] as const;

const SETTINGS = Object.keys(settingsSchema.shape);
const KNOWN: ReadonlySet<string> = new Set([...SETTINGS, ...OTHERS]);

/** Words that begin nobody else's variables: what is nearly one of these is a slip, and would silently not apply. */
const OURS =
  /^(BALDE|POLL|BRIDGE|PARTICIPANT|PULSAR|WARNING|CRITICAL|RESOLVE|FOR|RETENTION|STALE|ARCHIVE|EVENTSTORE|OUTCOMES|PAYERS)(_|$)/;

/** What an orchestrator sets for a service called balde or pulsar, and what tests and builds are told. */
const FOREIGN = /_SERVICE_(HOST|PORT)|^BALDE_(\w+_)?PORT(_|$)|^[A-Z]+_TEST_|^[A-Z]+_CLIENT_/;

/** Which problems the names make, and what is odd about them but may be someone else's. */
export function checkNames(
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
  warnings: string[],
): void {
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || value === '' || KNOWN.has(name)) continue;
    const plain = normal(name);
    if (FOREIGN.test(plain)) continue;
    const meant = suggestion(name, [...KNOWN]);
    if (meant !== null && (OURS.test(meant) || normal(meant) === plain.replace(/^BALDE_/, '')))
      problems.push(`${name}: is not known: did you mean ${meant}?`);
    else if (meant !== null) warnings.push(`${name} is not read: did you mean ${meant}?`);
    else if (plain.startsWith('BALDE_')) warnings.push(`${name} is not read: Balde knows no such variable`);
  }
}

/** `; did you mean …?` for a setting of the file, or nothing. */
export function settingHint(name: string): string {
  const meant = suggestion(name, SETTINGS);
  return meant === null ? '' : `: did you mean ${meant}?`;
}

const normal = (name: string): string => name.toUpperCase().replace(/[^A-Z0-9]/g, '_');

/** The known name that is nearest to the one given, if it is near: a slip or two, another case, BALDE_ before it. */
function suggestion(name: string, known: readonly string[]): string | null {
  const plain = normal(name);
  const bare = plain.replace(/^BALDE_/, '');
  let best: { readonly name: string; readonly distance: number } | null = null;
  for (const candidate of known) {
    const most = candidate.length < 9 ? 1 : 2;
    const distance = Math.min(slips(plain, candidate, most), slips(bare, candidate, most));
    if (distance <= most && distance < (best?.distance ?? Infinity)) best = { name: candidate, distance };
  }
  return best?.name ?? null;
}

/**
 * Letters left out, put in, exchanged, or in the wrong order (optimal string alignment).
 * @param most where lengths tell that there are more, it is any number above
 */
function slips(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return Infinity;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const turned = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      rows[i]?.push(
        Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same, turned ? at(i - 2, j - 2) + 1 : Infinity),
      );
    }
  }
  return at(a.length, b.length);
}
