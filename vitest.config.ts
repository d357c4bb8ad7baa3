import { defineConfig } from 'vitest/config';
import { CAMPAIGNS, filesOf, LANES, TRIALS } from './test/support/lanes.ts';
import { LongestFirst } from './test/support/longestFirst.ts';

const COMMON = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // The built program is loaded as it is, by Node itself.
  server: { deps: { external: [/\/dist\//] } },
};

/** `--mode` is a lane, or `campaign`; without one, every test. */
export default defineConfig(({ mode }) => {
  const isCampaign = mode === 'campaign';
  const lane = LANES.find((name) => name === mode);
  const lanes = lane === undefined ? LANES : [lane];
  const filesOfLanes = (isUnit: boolean): string[] =>
    isCampaign ? [] : lanes.filter((name) => (name === 'unit') === isUnit).flatMap(filesOf);
  const projects = [
    // What starts nothing and leaves nothing behind shares its modules: loading them takes longer than the tests.
    { name: 'unit', include: filesOfLanes(true), isolate: false },
    {
      ...{ name: 'servers', include: isCampaign ? [...CAMPAIGNS, TRIALS] : filesOfLanes(false) },
      globalSetup: 'test/support/globalServers.ts',
      env: isCampaign ? { FAULTS_CAMPAIGN: '1' } : {},
    },
  ];
  return {
    test: {
      projects: projects
        .filter(({ include }) => include.length > 0)
        .map((project) => ({ test: { ...COMMON, ...project } })),
      globalSetup: 'test/support/leftOut.ts',
      sequence: { sequencer: LongestFirst },
      // One more than the cores that they are meant for: a third of the time a file waits, for servers and lapses.
      maxWorkers: 3,
      fileParallelism: !isCampaign,
      reporters: [isCampaign ? 'verbose' : 'default', ['json', { outputFile: '.balde/test-report.json' }]],
    },
  };
});
