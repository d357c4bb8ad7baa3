/** What fills the database: the simulator needs no participant, and its observations never mix with real ones. */
import type { Config } from '../../config/config.ts';
import { openExisting } from '../../app/storage.ts';
import { OBSERVING } from '../../app/storage.ts';
import { readSource } from '../../store/installation.ts';
import type { Source } from '../../store/installation.ts';
import { fail } from './finding.ts';
import type { Finding } from './finding.ts';

export interface Filled {
  /** `null`: by nothing yet, or it can't be told. */
  readonly source: Source | null;
  /** Lets go of the database, which is open until then. */
  readonly close: () => Promise<void>;
}

const UNKNOWN: Filled = { source: null, close: async () => Promise.resolve() };

/** What is wrong with the database is told by its own checks. */
export async function findSource(config: Config | null): Promise<Filled> {
  if (config === null) return UNKNOWN;
  const storage = await openExisting({ ...config, pulsar: null }, { settings: OBSERVING }).catch(() => null);
  if (storage === null) return UNKNOWN;
  const source = await readSource(storage.database).catch(() => null);
  return { source, close: async () => await storage.close() };
}

/** A start would be refused. */
export function sourceFindings(source: Source | null, { participants }: Config): Finding[] {
  if (source !== 'simulator' || participants.length === 0) return [];
  const polled = participants.map(({ participant }) => participant).join(', ');
  return [
    fail(
      'source',
      `the database holds what the simulator made, and ${polled} would be polled: balde start refuses to mix them`,
      'Set DATABASE_URL, or give another folder with --data-dir or DATA_DIR; to look at the simulated history, unset PARTICIPANT and BRIDGE_ADDRESS.',
    ),
  ];
}
