/** What became of dead letters. Where a letter lies in the log names it. */
import type { Sql } from './database.ts';

export interface LetterPlace {
  readonly topic: string;
  readonly partition: number;
  readonly position: string;
}

type Action = 'retried' | 'dropped';

export interface Handled {
  readonly action: Action;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A letter's place as the key of a map. */
export const placeKey = ({ topic, partition, position }: LetterPlace): string => `${topic}:${partition}:${position}`;

const columns = (places: readonly LetterPlace[]) => [
  places.map(({ topic }) => topic),
  places.map(({ partition }) => partition),
  places.map(({ position }) => position),
];

/** Those of the letters that were handled, by {@link placeKey}. */
export async function handledLetters(sql: Sql, places: readonly LetterPlace[]): Promise<ReadonlyMap<string, Handled>> {
  if (places.length === 0) return new Map();
  const rows = await sql.query<LetterPlace & Handled>(
    `select h.topic, h.partition, h.position, h.action, h.at
     from balde.dead_letter_handled h
     join unnest($1::text[], $2::integer[], $3::text[]) as p (topic, partition, position)
       using (topic, partition, position)`,
    columns(places),
  );
  return new Map(rows.map((row) => [placeKey(row), { action: row.action, at: row.at }]));
}

/** Marks letters; what was said of one before is replaced. */
export async function markHandled(sql: Sql, places: readonly LetterPlace[], action: Action): Promise<void> {
  if (places.length === 0) return;
  await sql.execute(
    `insert into balde.dead_letter_handled (topic, partition, position, action)
     select topic, partition, position, $4
     from unnest($1::text[], $2::integer[], $3::text[]) as p (topic, partition, position)
     on conflict (topic, partition, position) do update set action = excluded.action, at = excluded.at`,
    [...columns(places), action],
  );
}
