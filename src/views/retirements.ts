/** When buckets were retired, as the served read model remembers it. */
import type { StatesState } from '../../projections/states/fold.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import { statesWhere } from '../store/foldStates.ts';
import { schemaOf } from '../store/schemas.ts';
import { listVersions } from '../store/versions.ts';

/** States of the buckets that fit a condition over `state`, by `participant:policy`. */
export async function bucketStates(sql: Sql, condition: string): Promise<ReadonlyMap<string, StatesState>> {
  const served = (await listVersions(sql, 'states')).find((version) => version.served);
  if (served === undefined) return new Map();
  return (await statesWhere(sql, schemaOf(served), condition)) as ReadonlyMap<string, StatesState>;
}

/** Times at which buckets were retired, oldest first; buckets that never were are left out. */
export async function retirements(sql: Sql): Promise<ReadonlyMap<string, readonly EpochMs[]>> {
  const states = await bucketStates(sql, `state ? 'retired'`);
  return new Map([...states].map(([key, { retired = [] }]) => [key, retired]));
}
