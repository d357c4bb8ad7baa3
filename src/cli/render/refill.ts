/** How buckets refill, as text. */
import { durationText, iso, numberText } from '../../format.ts';
import type { RefillRow } from '../../views/refill.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

export const refillText = (rows: readonly RefillRow[]): string[] => table(COLUMNS, rows);

export const refillJson = (row: RefillRow) => ({ ...row, response_time: iso(row.response_time) });

const COLUMNS: readonly Column<RefillRow>[] = [
  { title: 'PARTICIPANT', value: (r) => r.participant },
  { title: 'POLICY', value: (r) => r.endpoint_id },
  { title: 'REFILL', value: (r) => numberText(r.refill_tokens), right: true },
  { title: 'EACH', value: (r) => durationText(r.refill_period_sec), right: true },
  { title: 'COMES AS', value: (r) => r.refill_mode },
  { title: 'AT', value: (r) => momentText(r), right: true },
  { title: 'RISES SEEN', value: (r) => numberText(r.rises_seen), right: true },
];

/** `:17.2 to :18.4` past each minute; longer periods by the seconds from their beginning. */
function momentText({ lump_from_seconds: from, lump_window_seconds: width }: RefillRow): string {
  if (from === null || width === null) return '';
  return `${from.toFixed(1)} to ${(from + width).toFixed(1)} s`;
}
