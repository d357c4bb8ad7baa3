/** How Balde itself fares: what waits, and whether the retention compactor does its work. */
import type { EpochMs } from '../domain/events.ts';
import { addMonths } from '../domain/months.ts';
import type { Sql } from '../store/database.ts';
import { outboxSize } from '../store/outbox.ts';
import { gapsOf, listPartitions } from '../store/partitions.ts';
import type { Partition } from '../store/partitions.ts';

export interface RetentionStanding {
  /** Whole months after the current one that the served history has partitions for; `null` without a history. */
  readonly monthsAhead: number | null;
  /** When the compactor last succeeded; `null` before it first did. */
  readonly retentionSucceededAt: EpochMs | null;
  /** Start of the oldest month kept; `null` before the compactor saw an observation. */
  readonly horizon: EpochMs | null;
}

export interface Operations extends RetentionStanding {
  /** Events decided and not yet on their topic. */
  readonly outbox: number;
}

export async function operations(sql: Sql, now: EpochMs): Promise<Operations> {
  return { outbox: await outboxSize(sql), ...(await retentionStanding(sql, now)) };
}

export async function retentionStanding(sql: Sql, now: EpochMs): Promise<RetentionStanding> {
  const [row] = await sql.query<{
    succeeded: EpochMs | null;
    horizon: EpochMs | null;
    schema: string | null;
  }>(
    `select r.last_success_at as succeeded, nullif(r.horizon, '-infinity') as horizon,
       (select name || '_v' || version from balde.projection where name = 'states' and served) as schema
     from balde.retention r`,
  );
  const schema = row?.schema ?? null;
  return {
    monthsAhead: schema === null ? null : monthsAfter(now, await listPartitions(sql, { schema, table: 'history' })),
    retentionSucceededAt: row?.succeeded ?? null,
    horizon: row?.horizon ?? null,
  };
}

/** More than anyone makes: a partition may have no upper bound. */
const MAX_MONTHS = 120;

/** Without a gap: months that a clock gone wrong had made far ahead help nobody next month. */
function monthsAfter(now: EpochMs, partitions: readonly Partition[]): number {
  let ahead = 0;
  while (ahead < MAX_MONTHS && gapsOf(partitions, addMonths(now, ahead + 1)).length === 0) ahead += 1;
  return ahead;
}
