/** What statements that write into a read model's tables have in common. */
import type { TableSpec } from '../domain/fold.ts';
import { columnList, quote, tableName } from './sql.ts';

/** Where rows go, with their columns. */
export const copyTarget = (schema: string, { table, columns }: Pick<TableSpec, 'table' | 'columns'>): string =>
  `${tableName(schema, table)} (${columnList(Object.keys(columns))})`;

/** What an upsert into the table does, or into one of its months, where the row is there. */
export function replacement({ columns, key, highest, table }: TableSpec, into = table): string {
  const others = Object.keys(columns).filter((column) => !key.includes(column));
  if (others.length === 0) return 'do nothing';
  return `do update set ${others.map((column) => `${quote(column)} = excluded.${quote(column)}`).join(', ')}${
    highest === undefined ? '' : ` where excluded.${quote(highest)} > ${quote(into)}.${quote(highest)}`
  }`;
}
