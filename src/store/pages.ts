/** Reads a view of any size, page by page along its key: no cursor and no long transaction, so nothing waits for it. */
import type { Database, Parameter, Row } from './database.ts';

export interface PagedQuery {
  /** A view or table of schema public. */
  readonly relation: string;
  /** Unique, and the order of the rows; an index makes it fast. */
  readonly key: readonly string[];
  /** Column that `from` (included) and `to` (excluded) speak of. Milliseconds since 1970. */
  readonly time: string;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Rows with this column false only. */
  readonly not?: string | undefined;
}

export interface ViewColumn {
  readonly name: string;
  /** Postgres' name of the type. */
  readonly type: string;
}

const PAGE = 2_000;

/** Columns of a view, in its order. */
export async function columnsOf(database: Database, relation: string): Promise<ViewColumn[]> {
  return await database.query<ViewColumn>(
    `select attname as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum`,
    [`public.${relation}`],
  );
}

/** Rows in order of the key; the next page is read when the previous one was taken. */
export async function* pages(database: Database, query: PagedQuery, size = PAGE): AsyncGenerator<Row[]> {
  const types = new Map((await columnsOf(database, query.relation)).map(({ name, type }) => [name, type]));
  const keyTypes = query.key.map((column) => types.get(column) ?? 'text');
  for (let after: readonly Parameter[] | null = null; ;) {
    const { text, parameters } = pageOf(query, keyTypes, after, size);
    const rows: Row[] = await database.query(text, parameters);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < size) return;
    after = query.key.map((column, i) => keyParameter(last[column], keyTypes[i]));
  }
}

function pageOf(
  { relation, key, time, from, to, not }: PagedQuery,
  keyTypes: readonly string[],
  after: readonly Parameter[] | null,
  size: number,
): { text: string; parameters: Parameter[] } {
  const parameters: Parameter[] = [];
  const given = (value: Parameter, type: string): string => `$${parameters.push(value)}::${type}`;
  const instant = (at: number): string => given(new Date(at).toISOString(), 'timestamptz');
  const conditions = [
    ...(from === undefined ? [] : [`${time} >= ${instant(from)}`]),
    ...(to === undefined ? [] : [`${time} < ${instant(to)}`]),
    ...(not === undefined ? [] : [`not ${not}`]),
    ...(after === null
      ? []
      : [`(${key.join(', ')}) > (${after.map((value, i) => given(value, keyTypes[i] ?? 'text')).join(', ')})`]),
  ];
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
  const text = `select * from public.${relation} ${where} order by ${key.join(', ')} limit ${size}`;
  return { text, parameters };
}

/** Times of Balde have whole milliseconds, so a key survives the way through JavaScript exactly. */
function keyParameter(value: unknown, type: string | undefined): Parameter {
  return type === 'timestamp with time zone' ? new Date(value as number).toISOString() : (value as Parameter);
}
