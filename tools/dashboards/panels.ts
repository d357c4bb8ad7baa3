/** Panels and dashboards as all of Balde's have them. */
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableCellDisplayMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  FieldColorModeId,
  MappingType,
  QueryVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { DynamicConfigValue, Panel, Threshold, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import * as units from '@grafana/grafana-foundation-sdk/units';
import { PageBuilder } from './classic.ts';
import { POSTGRES } from './query.ts';
import type { PROMETHEUS } from './query.ts';

/** Only ids that Grafana has: a misspelt one is shown behind the number as it is. */
type Unit = (typeof units)[keyof typeof units];

/** Width in columns of 24, height in rows of some 30 pixels. */
export type Size = readonly [width: number, height: number];

type Query = cog.Builder<cog.Dataquery>;

export function series(title: string, [width, height]: Size, ...targets: readonly Query[]): timeseries.PanelBuilder {
  return new timeseries.PanelBuilder()
    .title(title)
    .span(width)
    .height(height)
    .targets([...targets])
    .lineWidth(1)
    .lineInterpolation(LineInterpolation.Linear)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
}

/** Bars on top of one another. */
export const stacked = (title: string, size: Size, ...targets: readonly Query[]): timeseries.PanelBuilder =>
  series(title, size, ...targets)
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(70)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));

/** One number, of a metric. */
export const figure = (title: string, size: Size, target: Query): stat.PanelBuilder =>
  figures(title, size, target).reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false));

/** A figure for each column, of text too. */
export const figures = (title: string, [width, height]: Size, target: Query): stat.PanelBuilder =>
  new stat.PanelBuilder()
    .title(title)
    .span(width)
    .height(height)
    .withTarget(target)
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('/.*/').values(false))
    .noValue('–');

export const list = (title: string, [width, height]: Size, target: Query): table.PanelBuilder =>
  new table.PanelBuilder()
    .title(title)
    .span(width)
    .height(height)
    .withTarget(target)
    .showHeader(true)
    .filterable(true)
    .noValue('–');

/** What a column has of its own. */
export const unit = (id: Unit, decimals?: number): DynamicConfigValue[] => [
  { id: 'unit', value: id },
  ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
];
export const fixedColor = (color: string): DynamicConfigValue[] => [
  { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: color } },
];
/** Words in the colour of their meaning, in tables and figures. */
export const inColor = (mapping: ValueMapping): DynamicConfigValue[] => [
  { id: 'mappings', value: [mapping] },
  { id: 'custom.cellOptions', value: { type: TableCellDisplayMode.ColorText } },
];
const link = (title: string, url: string): DynamicConfigValue[] => [{ id: 'links', value: [{ title, url }] }];
/** A bar from empty to full, in a cell. */
export const gauge = (steps: readonly Threshold[]): DynamicConfigValue[] => [
  ...unit(units.Percent, 1),
  { id: 'min', value: 0 },
  { id: 'max', value: 100 },
  { id: 'thresholds', value: { mode: ThresholdsMode.Absolute, steps } },
  { id: 'custom.cellOptions', value: { type: TableCellDisplayMode.Gauge } },
];

export const steps = (...ascending: readonly Threshold[]): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...ascending]);
/** Green at nothing, and the colour from the first on. */
export const noneIsGood = (color: string, from = 1): ThresholdsConfigBuilder =>
  steps({ value: null, color: 'green' }, { value: from, color });

/** Where thresholds are not those of the defaults, the words are right and this is a hint. */
export const LEFT_STEPS: readonly Threshold[] = [
  { value: null, color: 'red' },
  { value: 10, color: 'orange' },
  { value: 20, color: 'green' },
];

export const LEVELS: ValueMapping = {
  type: MappingType.ValueToText,
  options: {
    CRITICAL: { color: 'red', index: 0 },
    WARNING: { color: 'orange', index: 1 },
    STALE: { color: 'purple', index: 2 },
    OK: { color: 'green', index: 3 },
  },
};
export const OUTCOMES: ValueMapping = {
  type: MappingType.ValueToText,
  options: { CAME_TRUE: { color: 'red', index: 0 }, PASSED: { color: 'green', index: 1 } },
};

/** To the dashboard of the bucket that a row names. */
export const toBucket = (participant: string, policy: string): DynamicConfigValue[] =>
  link(
    'Open the bucket',
    `/d/balde-bucket?var-participant=\${__data.fields["${participant}"]}` +
      `&var-policy=\${__data.fields["${policy}"]}&\${__url_time_range}`,
  );

export const participantVariable = (): QueryVariableBuilder =>
  queryVariable('participant', 'Participant', 'select distinct participant from dict_rate_limit_policies order by 1');

/**
 * All of them unless some are chosen. All is put into queries as it stands here, so that `in (…)` is right also where
 * there is no participant yet.
 */
export const participantsVariable = (): QueryVariableBuilder =>
  participantVariable()
    .multi(true)
    .includeAll(true)
    .allValue('select participant from dict_rate_limit_policies')
    .current({ text: 'All', value: '$__all' });

export const policyVariable = (): QueryVariableBuilder =>
  queryVariable(
    'policy',
    'Policy',
    `select endpoint_id from dict_rate_limit_policies where participant = '$participant' order by 1`,
  );

const queryVariable = (name: string, label: string, sql: string): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource({ ...POSTGRES })
    .query(sql)
    .definition(sql)
    .refresh(VariableRefresh.OnDashboardLoad)
    .sort(VariableSort.Disabled);

export interface Described {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly source: typeof POSTGRES | typeof PROMETHEUS;
  readonly from: string;
  /** How often an open page asks again, such as `30s`. */
  readonly refresh: string;
}

/** The uid of a data source as provisioned; where there is no such, Grafana takes the first of its type. */
const PROVISIONED = {
  postgres: { text: 'Balde', value: 'balde-postgres' },
  prometheus: { text: 'Balde Prometheus', value: 'balde-prometheus' },
} as const;

/** A dashboard without panels, with its data source as a variable and links to the others. */
export function dashboard({ uid, title, description, source, from, refresh }: Described): PageBuilder {
  const name = source === POSTGRES ? 'postgres' : 'prometheus';
  return new PageBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['balde'])
    .editable()
    .timezone('browser')
    .time({ from, to: 'now' })
    .refresh(refresh)
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder(name).label('Data source').type(source.type).current(PROVISIONED[name]))
    .link(shown(new DashboardLinkBuilder('Balde').type(DashboardLinkType.Dashboards).tags(['balde']).keepTime(true)));
}

/** The SDK would have links and annotations in a menu; they are for the page itself. */
export function shown<T extends { placement?: unknown }>(builder: cog.Builder<T>): cog.Builder<T> {
  const built = builder.build();
  delete built.placement;
  return { build: () => built };
}

/** Adds panels from left to right, in lines of 24 columns, with ids in their order. */
export function withPanels(
  builder: PageBuilder,
  ...panels: readonly (cog.Builder<Panel> & { id(id: number): cog.Builder<Panel> })[]
): PageBuilder {
  for (const [i, panel] of panels.entries()) builder.withPanel(panel.id(i + 1));
  return builder;
}
