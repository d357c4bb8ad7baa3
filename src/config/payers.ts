/** Whether anything is kept of payers, and how many of them. */
import { readFile } from './sources.ts';
import type { Problems } from './sources.ts';
import { PAYERS_KEY_LENGTH, PAYERS_KEY_TOO_SHORT } from './schema.ts';
import type { Settings } from './schema.ts';

export interface PayersConfig {
  /** Of the HMAC that payers are told apart by. Whoever serves and reads makes none: only an import does. */
  readonly key: string;
  /** Payers kept at most. */
  readonly most: number;
}

/** `null`: nothing is kept of any payer. */
export function payersOf(settings: Settings, problems: Problems): PayersConfig | null {
  const { PAYERS_KEY: given, PAYERS_KEY_FILE: file, PAYERS_LIMIT: most } = settings;
  if (given !== undefined) return { key: given, most };
  if (file === undefined) return null;
  const key = readFile(file, 'PAYERS_KEY_FILE', problems)?.toString('utf8').trim() ?? null;
  if (key === null) return null;
  if (key.length < PAYERS_KEY_LENGTH) problems.push(`PAYERS_KEY_FILE: ${file} ${PAYERS_KEY_TOO_SHORT}`);
  return { key, most };
}
