/** What processes are composed of, and what answers about them come from. */
const PARTS = [
  ...['src/config', 'src/topology', 'src/archive', 'src/rebuild', 'src/consume', 'src/poll', 'src/calls', 'src/serve'],
  ...['src/views', 'src/retain', 'src/log', 'src/store', 'src/codec', 'projections', 'src/domain'],
];

/** Which folder may import which: held by .dependency-cruiser.cjs, told by CONTRIBUTING.md ("The map"). */
const MAP = {
  'src/domain': [],
  projections: ['src/domain'],
  'src/store': ['src/domain'],
  'src/log': ['src/store', 'src/domain'],
  'src/codec': ['src/log', 'src/domain'],
  'src/simulator': ['src/codec', 'src/domain'],
  'src/topology': ['src/log', 'src/codec', 'projections', 'src/domain'],
  'src/retain': ['src/log', 'src/store', 'src/domain'],
  'src/views': ['projections', 'src/store', 'src/domain'],
  'src/serve': ['src/views', 'src/store', 'src/domain'],
  'src/web': ['src/api', 'src/serve', 'src/domain'],
  'src/analysis': ['src/views', 'projections', 'src/store', 'src/domain'],
  'src/poll': ['src/log', 'src/codec', 'src/domain'],
  'src/consume': ['src/log', 'src/store', 'src/codec', 'src/domain'],
  'src/rebuild': ['src/topology', 'src/consume', 'src/log', 'src/store', 'src/codec', 'src/domain'],
  'src/archive': ['src/rebuild', 'src/log', 'src/store', 'src/codec', 'src/domain'],
  'src/calls': ['src/log', 'src/codec', 'src/domain'],
  'src/config': ['src/poll', 'src/log', 'src/domain'],
  'src/app': PARTS,
  'src/operate': ['src/app', 'src/analysis', ...PARTS],
  'src/api': ['src/operate', 'src/analysis', 'src/app', ...PARTS],
  'src/demo': [
    ...['src/app', 'src/topology', 'src/consume', 'src/poll', 'src/calls', 'src/simulator', 'src/serve', 'src/retain'],
    ...['src/log', 'src/store', 'src/views', 'src/codec', 'projections', 'src/domain'],
  ],
  'src/cli': ['src', 'projections'],
  'tools/pulsar-binding': [],
  'tools/pulsar-broker': ['tools/pulsar-binding'],
  'tools/dashboards': [],
  'tools/page-pictures': ['src', 'projections'],
};

module.exports = { MAP };
