/** Dependencies point inward (CONTRIBUTING.md, "The map"): cli → main → flows → {log, store, codec} → domain. */
const layer = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: to },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'domain-is-pure',
      comment:
        'the domain knows nothing but itself: no I/O, no clock, no framework (the hash of crypto is a pure function)',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { pathNot: '^(src/domain/|crypto$)' },
    },
    {
      name: 'projections-import-only-domain',
      severity: 'error',
      from: { path: '^projections/' },
      to: { pathNot: '^(projections/|src/domain/)' },
    },
    layer(
      'codec-above-domain-only',
      '^src/codec/',
      '^src/(log|store|poll|consume|retain|serve|archive|analysis|simulator|config|cli|main)',
    ),
    layer(
      'store-below-flows',
      '^src/store/',
      '^src/(log|codec|poll|consume|retain|serve|archive|analysis|simulator|config|cli|main)',
    ),
    layer(
      'log-below-flows',
      '^src/log/',
      '^src/(codec|poll|consume|retain|serve|archive|analysis|simulator|config|cli|main)',
    ),
    layer(
      'flows-do-not-know-main',
      '^src/(poll|consume|retain|serve|archive|analysis|simulator)/',
      '^src/(cli|main)',
    ),
    layer('nothing-imports-the-command-line', '^(?!src/cli/)', '^src/cli/'),
    layer('pg-only-in-store', '^(?!src/store/)', '^node_modules/(pg|pg-copy-streams|node-pg-migrate)/'),
    layer('rxjs-only-in-flows', '^(?!src/(poll|consume)/)', '^node_modules/rxjs/'),
    layer('pulsar-only-in-log', '^(?!src/log/)', '^node_modules/pulsar-client/'),
    layer('grpc-only-at-the-bridge', '^(?!src/(poll|simulator|codec)/)', '^node_modules/@grpc/'),
    layer('avro-only-in-codec', '^(?!src/codec/)', '^node_modules/avsc/'),
    layer('echarts-only-in-charts', '^(?!src/analysis/charts)', '^node_modules/echarts/'),
    layer('eventstore-only-in-archive', '^(?!src/archive/eventstore/)', '^node_modules/@eventstore/'),
    layer('prom-client-only-in-serve', '^(?!src/serve/)', '^node_modules/prom-client/'),
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
