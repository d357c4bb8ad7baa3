/** Tables of a version as the database has them: with the columns of the revision that it is written with. */
import type { Sql } from './database.ts';
import { quote } from './sql.ts';

/** Types of a table's columns, in its order; as {@link ColumnType} names them. */
export type Columns = ReadonlyMap<string, string>;

/** By name. Partitions are part of their table. */
export async function readTables(sql: Sql, schema: string): Promise<ReadonlyMap<string, Columns>> {
  const rows = await sql.query<{ table: string; column: string; type: string }>(
    `select c.relname as table, a.attname as column,
       case a.atttypid when 'timestamptz'::regtype then 'timestamptz' else format_type(a.atttypid, a.atttypmod) end as type
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p') and not c.relispartition
     order by c.relname, a.attnum`,
    [quote(schema)],
  );
  const tables = new Map<string, Map<string, string>>();
  for (const { table, column, type } of rows)
    tables.set(table, (tables.get(table) ?? new Map<string, string>()).set(column, type));
  return tables;
}
