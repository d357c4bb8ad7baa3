/**
 * One statement out of several parts: what a batch writes takes one round trip to the database instead of one for each.
 */
import type { Parameter, Sql } from './database.ts';

export interface StatementPart {
  /** The same for the same text. */
  readonly name: string;
  /** WITH queries, `name as (…)`, whose parameters count from $1. */
  readonly queries: readonly string[];
  /** Expressions of the statement's result, likewise. They are computed before queries that none of them reads. */
  readonly results: readonly string[];
  readonly parameters: readonly Parameter[];
}

/** Runs parts as one statement, prepared once for each connection. All of it takes effect or nothing. */
export async function runParts(sql: Sql, parts: readonly StatementPart[]): Promise<void> {
  if (parts.length === 0) return;
  const name = parts.map((part) => part.name).join(' ');
  const [queries, results, parameters]: [string[], string[], Parameter[]] = [[], [], []];
  for (const part of parts) {
    const shift = parameters.length;
    const shifted = (text: string) => text.replace(/\$(\d+)/g, (_, n: string) => `$${Number(n) + shift}`);
    queries.push(...part.queries.map(shifted));
    results.push(...part.results.map(shifted));
    parameters.push(...part.parameters);
  }
  await sql.query(`with ${queries.join(', ')} select ${results.join(', ')}`, parameters, name);
}
