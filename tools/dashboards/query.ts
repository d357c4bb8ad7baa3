/** What panels ask, and where: Postgres has the views, Prometheus the metrics. */
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';

/** The data sources are variables of each dashboard, so that it goes with whatever a Grafana calls them. */
export const POSTGRES = { type: 'grafana-postgresql-datasource', uid: '${postgres}' } as const;
export const PROMETHEUS = { type: 'prometheus', uid: '${prometheus}' } as const;

/** `time_series` wants a column `time` in ascending order; each other number is a series. */
type Format = 'time_series' | 'table';

/** A query of Grafana's PostgreSQL data source, which the SDK has no builder for. */
export interface PostgresQuery extends cog.Dataquery {
  readonly refId: string;
  readonly datasource: DataSourceRef;
  readonly editorMode: 'code';
  readonly rawQuery: true;
  readonly format: Format;
  readonly rawSql: string;
}

export class PostgresQueryBuilder implements cog.Builder<cog.Dataquery> {
  readonly #format: Format;
  readonly #sql: string;

  constructor(format: Format, sql: string) {
    this.#format = format;
    this.#sql = sql;
  }

  build(): PostgresQuery {
    return {
      refId: 'A',
      datasource: { ...POSTGRES },
      editorMode: 'code',
      rawQuery: true,
      format: this.#format,
      rawSql: dedent(this.#sql),
      // Tells the SDK's types apart; no part of the JSON.
      _implementsDataqueryVariant: () => undefined,
    };
  }
}

/** Lines of a graph. */
export const graph = (sql: string): PostgresQueryBuilder => new PostgresQueryBuilder('time_series', sql);
/** Rows of a table, figures of a stat. */
export const rows = (sql: string): PostgresQueryBuilder => new PostgresQueryBuilder('table', sql);

/** One PromQL expression over the range. @param legend names the labels that tell its series apart, as `{{label}}` */
export const promql = (expr: string, legend: string, refId = 'A'): DataqueryBuilder =>
  new DataqueryBuilder()
    .datasource({ ...PROMETHEUS })
    .expr(expr)
    .legendFormat(legend)
    .refId(refId)
    .range();

/** Takes away the indentation that a text has from the code around it, so that it reads well in Grafana's editor. */
function dedent(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const used = lines.filter((line) => line !== '');
  const indents = used.slice(text.startsWith('\n') ? 0 : 1).map((line) => line.length - line.trimStart().length);
  const least = indents.length === 0 ? 0 : Math.min(...indents);
  return lines
    .map((line, i) => (i === 0 ? line.trimStart() : line.slice(Math.min(least, line.length))))
    .join('\n')
    .trim();
}
