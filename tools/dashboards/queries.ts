/** Every question that a dashboard asks of Postgres, taken from its JSON. */
import type { Page } from './classic.ts';
import { POSTGRES } from './query.ts';

/** A query's own JSON, as far as it matters here: of PostgreSQL's data source, or of another. */
interface TargetJson {
  readonly datasource?: { readonly type?: string };
  readonly format?: string;
  readonly rawSql?: string;
  readonly expr?: string;
  readonly legendFormat?: string;
}

export interface PanelJson {
  readonly id?: number;
  readonly type: string;
  readonly title?: string;
  /** The least interval between points, such as `1h`. */
  readonly interval?: string;
  readonly targets?: readonly TargetJson[];
  readonly fieldConfig?: { readonly defaults?: object; readonly overrides?: readonly OverrideJson[] };
}

interface OverrideJson {
  readonly matcher: { readonly id: string; readonly options?: unknown };
  readonly properties: readonly { readonly id: string; readonly value?: unknown }[];
}

interface VariableJson {
  readonly type: string;
  readonly name: string;
  readonly query?: unknown;
  readonly multi?: boolean;
  readonly allValue?: string;
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly PanelJson[];
  readonly templating: { readonly list: readonly VariableJson[] };
  readonly annotations: {
    readonly list?: readonly { readonly name: string; readonly target?: TargetJson }[];
  };
}

export interface Asked {
  readonly of: 'panel' | 'annotation' | 'variable';
  /** Title of the panel, name of the others. */
  readonly name: string;
  readonly sql: string;
  readonly format: string;
  readonly panel: PanelJson | null;
}

/** As whoever reads the file gets it. */
export const read = (json: string): DashboardJson => JSON.parse(json) as DashboardJson;
export const asJson = (dashboard: Page): DashboardJson => read(JSON.stringify(dashboard));

export function queriesOf({ panels, annotations, templating }: DashboardJson): Asked[] {
  const ofPanels = panels.flatMap((panel) =>
    sqlOf(panel.targets ?? []).map((found) => ({ of: 'panel' as const, name: panel.title ?? '', panel, ...found })),
  );
  const ofAnnotations = (annotations.list ?? []).flatMap(({ name, target }) =>
    sqlOf(target === undefined ? [] : [target]).map((found) => ({
      ...{ of: 'annotation' as const, name, panel: null, ...found },
    })),
  );
  const ofVariables = templating.list
    .filter(({ type }) => type === 'query')
    .map(({ name, query }) => ({
      ...{ of: 'variable' as const, name, panel: null, sql: String(query), format: 'table' },
    }));
  return [...ofVariables, ...ofPanels, ...ofAnnotations];
}

const sqlOf = (targets: readonly TargetJson[]): { sql: string; format: string }[] =>
  targets
    .filter(({ datasource }) => datasource?.type === POSTGRES.type)
    .map(({ rawSql = '', format = '' }) => ({ sql: rawSql, format }));
