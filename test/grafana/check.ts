/**
 * What is wrong with a panel: between what it shows and what its query gives, and with names that Grafana would neither
 * know nor complain of. Each answer is a sentence; none is good.
 */
import type { Asked, DashboardJson, PanelJson } from '../../tools/dashboards/queries.ts';

/** What a query gave. `kind`: as Grafana's data source takes a column of Postgres. */
export interface Answer {
  readonly columns: readonly { readonly name: string; readonly kind: 'time' | 'number' | 'text' | 'other' }[];
  /** Times are milliseconds since 1970. */
  readonly rows: readonly (readonly unknown[])[];
}

/** Ids that a release of Grafana has. */
export interface Published {
  readonly units: readonly string[];
  readonly panels: readonly string[];
}

export function answerProblems(asked: Asked, answer: Answer): string[] {
  const names = answer.columns.map(({ name }) => name);
  const twice = names.filter((name, i) => names.indexOf(name) !== i).map((name) => `gives column ${name} twice`);
  if (asked.of === 'variable') return [...twice, ...variableProblems(answer)];
  if (asked.of === 'annotation') return [...twice, ...annotationProblems(answer)];
  const shape = asked.format === 'time_series' ? seriesProblems(answer) : [];
  return [...twice, ...shape, ...formatProblems(asked), ...nameProblems(asked, names)];
}

/** A variable is filled from the first column. */
const variableProblems = ({ columns }: Answer): string[] =>
  columns.length === 1 && columns[0]?.kind === 'text' ? [] : ['a variable needs one column of text'];

function annotationProblems({ columns }: Answer): string[] {
  const known = { time: 'time', timeend: 'time', text: 'text', tags: 'text' } as Readonly<Record<string, string>>;
  const missing = ['time', 'text'].filter((wanted) => !columns.some(({ name }) => name === wanted));
  return [
    ...missing.map((name) => `an annotation needs a column ${name}`),
    ...columns.flatMap(({ name, kind }) =>
      known[name] === undefined
        ? [`an annotation has no use for column ${name}`]
        : known[name] === kind
          ? []
          : [`column ${name} of an annotation is ${kind}, not ${known[name]}`],
    ),
  ];
}

function seriesProblems({ columns, rows }: Answer): string[] {
  const at = columns.findIndex(({ name }) => name === 'time');
  const time = columns[at];
  if (time === undefined) return ['a time series needs a column time'];
  const problems: string[] = [];
  if (time.kind !== 'time' && time.kind !== 'number') problems.push(`column time is ${time.kind}`);
  const values = columns.filter(({ name }) => name !== 'time' && name !== 'metric');
  if (values.length === 0) problems.push('a time series needs a column of numbers');
  for (const { name, kind } of values)
    if (kind !== 'number') problems.push(`column ${name} of a time series is ${kind}`);
  const times = rows.map((row) => Number(row[at]));
  if (times.some((one) => Number.isNaN(one))) problems.push('column time has values that are no times');
  if (times.some((one, i) => i > 0 && one < (times[i - 1] ?? 0))) problems.push('column time does not ascend');
  return problems;
}

const formatProblems = ({ panel, format }: Asked): string[] =>
  (panel?.type === 'timeseries') === (format === 'time_series') ? [] : [`a ${panel?.type ?? ''} of format ${format}`];

/** Columns that the panel speaks of. Series named by `metric` have names of values, which nobody knows before. */
function nameProblems({ panel }: Asked, names: readonly string[]): string[] {
  const spoken = panel === null ? [] : [...overridden(panel), ...linkedFields(panel), ...filledTo(panel)];
  return spoken.filter((name) => !names.includes(name)).map((name) => `speaks of column ${name}, which there is not`);
}

const overridesOf = (panel: PanelJson) => panel.fieldConfig?.overrides ?? [];
const propertiesOf = (panel: PanelJson) => overridesOf(panel).flatMap(({ properties }) => properties);

const overridden = (panel: PanelJson): string[] =>
  overridesOf(panel)
    .filter(({ matcher }) => matcher.id === 'byName')
    .map(({ matcher }) => String(matcher.options));

/** Every text in a piece of JSON. */
const textsIn = (json: unknown): string[] =>
  typeof json === 'string'
    ? [json]
    : json === null || typeof json !== 'object'
      ? []
      : Object.values(json).flatMap(textsIn);

const linkedFields = (panel: PanelJson): string[] =>
  textsIn(panel.fieldConfig).flatMap((text) =>
    [...text.matchAll(/__data\.fields\["([^"]+)"\]/g)].map(([, name = '']) => name),
  );

const filledTo = (panel: PanelJson): string[] =>
  propertiesOf(panel)
    .filter(({ id }) => id === 'custom.fillBelowTo')
    .map(({ value }) => String(value));

/** Names of Grafana's own, and of other dashboards. */
export function panelProblems(panel: PanelJson, published: Published, all: readonly DashboardJson[]): string[] {
  const unknownType = published.panels.includes(panel.type) ? [] : [`Grafana has no panel ${panel.type}`];
  const defaults = (panel.fieldConfig?.defaults ?? {}) as { readonly unit?: unknown };
  const units = [
    ...(defaults.unit === undefined ? [] : [defaults.unit]),
    ...propertiesOf(panel)
      .filter(({ id }) => id === 'unit')
      .map(({ value }) => value),
  ];
  const unknownUnits = units
    .filter((unit) => !published.units.includes(String(unit)))
    .map((unit) => `Grafana has no unit ${String(unit)}`);
  return [...unknownType, ...unknownUnits, ...linkProblems(panel, all)];
}

function linkProblems(panel: PanelJson, all: readonly DashboardJson[]): string[] {
  return textsIn(panel).flatMap((text) => {
    const uid = /\/d\/([\w-]+)\?/.exec(text)?.[1];
    if (uid === undefined) return [];
    const target = all.find((dashboard) => dashboard.uid === uid);
    if (target === undefined) return [`links to dashboard ${uid}, which there is not`];
    const known = target.templating.list.map(({ name }) => name);
    return [...text.matchAll(/\bvar-(\w+)=/g)]
      .map(([, name = '']) => name)
      .filter((name) => !known.includes(name))
      .map((name) => `links to ${target.uid} with variable ${name}, which it has not`);
  });
}
