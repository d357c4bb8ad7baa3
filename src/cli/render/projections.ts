/** Versions of read models as text and as JSON. */
import type { CutOverReport } from '../../rebuild/cutOver.ts';
import type { Version } from '../../store/versions.ts';
import { iso, numberText } from '../../format.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

export const versionsText = (versions: readonly Version[]): string[] => table(COLUMNS, versions);

const COLUMNS: readonly Column<Version>[] = [
  { title: 'PROJECTION', value: ({ name }) => name },
  { title: 'VERSION', value: (one) => String(one.version), right: true },
  { title: 'STATE', value: ({ state, served }) => (served ? 'in service' : state.replace('_', ' ')) },
  { title: 'BUILT FROM', value: ({ source }) => source ?? 'the log, as it grew' },
  { title: 'UNTIL', value: ({ until }) => iso(until) ?? '-' },
  { title: 'CREATED', value: ({ createdAt }) => iso(createdAt) },
];

export const versionJson = ({ createdAt, servedAt, until, ...rest }: Version) => ({
  ...rest,
  until: iso(until),
  created_at: iso(createdAt),
  served_at: iso(servedAt),
});

/** A version that was put into service. */
interface InService extends CutOverReport {
  readonly name: string;
  readonly version: number;
}

export const cutOverJson = ({ name, version, from, attempts, lockedMs }: InService) => ({
  ...{ projection: name, version, from, attempts, locked_ms: lockedMs },
});

export const cutOverText = ({ name, version, from, lockedMs }: InService): string[] => [
  `${name} version ${version} is in service, after version ${from ?? '-'}: the views were locked for ${lockedMs.toFixed(0)} ms`,
];

/** @param bytes of its tables @param rows estimated */
export function removalText(
  { name, version, state }: Version,
  { rows, bytes }: { readonly rows: number; readonly bytes: number },
): string {
  const size = `about ${numberText(rows)} rows, ${numberText(Math.round(bytes / 1024 ** 2))} MiB`;
  return `this would remove version ${version} of ${name}, tables and all: ${size}, ${STATES[state]}`;
}

const STATES: Readonly<Record<Version['state'], string>> = {
  live: 'kept up to date, so that balde projections cut-over or rollback can go to it at once',
  filling: 'of a rebuild that runs or was stopped',
  catching_up: 'of a rebuild that runs or was stopped',
  fixed: 'built up to a given time',
};
