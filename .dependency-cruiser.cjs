/** Dependencies point inward: dependency-map.cjs says what each folder may import. */
const { MAP } = require('./dependency-map.cjs');

/** Modules without a folder, which anybody but the domain may use: sleeping, the clock, where the package lies. */
const COMMON = '^src/[^/]+\\.ts$';

const SOURCES = '^(src|projections|tools)/.*\\.tsx?$';
const FOLDERS = Object.keys(MAP);
const isIn = (folders) => `^(${folders.join('|')})/`;
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const only = (name, from, module) => rule(name, '', { pathNot: from }, { path: `^node_modules/${module}/` });

const inward = Object.entries(MAP)
  .filter(([folder]) => folder !== 'src/domain' && folder !== 'projections')
  .map(([folder, allowed]) =>
    rule(
      `from-${folder.replace('/', '-')}`,
      `${folder} may import ${allowed.length === 0 ? 'no other folder' : allowed.join(', ')}`,
      { path: isIn([folder]) },
      { path: '^(src|projections|tools)/', pathNot: [isIn([folder, ...allowed]), COMMON] },
    ),
  );

module.exports = {
  forbidden: [
    rule('no-circular', '', {}, { circular: true }),
    rule('no-unresolvable', '', {}, { couldNotResolve: true }),
    rule(
      'folder-not-on-the-map',
      'every folder of src, projections and tools stands in MAP',
      { path: SOURCES, pathNot: [isIn(FOLDERS), COMMON] },
      {},
    ),
    rule(
      'file-not-on-the-map',
      'the same, for a file that imports nothing',
      { orphan: true, path: SOURCES, pathNot: [isIn(FOLDERS), COMMON] },
      {},
    ),
    rule(
      'domain-is-pure',
      'the domain knows nothing but itself: no I/O, no clock, no framework (the hash of crypto is a pure function)',
      { path: '^src/domain/' },
      { pathNot: '^(src/domain/|crypto$)' },
    ),
    rule(
      'projections-are-pure',
      'a projection knows the domain alone',
      { path: '^projections/' },
      { pathNot: '^(projections/|src/domain/)' },
    ),
    ...inward,
    rule(
      'codec-knows-the-contract-of-the-log',
      'what a message is, and no backend',
      { path: '^src/codec/' },
      { path: '^src/log/', pathNot: '^src/log/eventLog\\.ts$' },
    ),
    rule(
      'commands-stand-alone',
      'what two commands need lies in options, render or operate',
      { path: '^src/cli/commands/' },
      { path: '^src/cli/commands/' },
    ),
    rule(
      'render-only-draws',
      'how an answer is drawn depends on no command and no option',
      { path: '^src/cli/render/' },
      { path: '^(src/cli/(commands|options)/|node_modules/commander/)' },
    ),
    only('pg-only-in-store', '^src/store/', '(pg|pg-copy-streams|node-pg-migrate)'),
    only('rxjs-only-in-flows', '^src/(flow\\.ts|(poll|consume|archive)/)', 'rxjs'),
    only('pulsar-only-in-log', '^(src/log|tools/pulsar-binding)/', 'pulsar-client'),
    only('grpc-only-at-the-bridge', '^src/(poll|simulator|codec)/', '@grpc'),
    only('avro-only-in-codec', '^src/codec/', 'avsc'),
    only('echarts-only-in-charts', '^src/analysis/charts', 'echarts'),
    only('eventstore-only-in-archive', '^src/archive/eventstore/', '@eventstore'),
    only('preact-only-in-web', '^src/web/', '(preact|preact-render-to-string)'),
    only('uplot-only-in-the-browser', '^src/web/browser/', 'uplot'),
    only('prom-client-only-in-serve', '^src/serve/', 'prom-client'),
    only('spans-by-one-module', '^src/(tracing|log/spans|app/otlp(Metrics|Process)?)\\.ts$', '@opentelemetry/api'),
    only(
      'otel-sdk-only-on-request',
      '^src/app/otlp(Metrics|Process)?\\.ts$',
      '@opentelemetry/(core|resources|sdk-|exporter-)[^/]*',
    ),
    only('grafana-only-in-dashboards', '^tools/dashboards/', '@grafana'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['import', 'node', 'types', 'default'],
      exportsFields: ['exports'],
    },
  },
};
