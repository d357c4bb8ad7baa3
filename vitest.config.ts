import { defineConfig } from 'vitest/config';
import { CAMPAIGNS, filesOf, LANES, TRIALS } from './test/support/lanes.ts';

const SERVERS = ['test/support/globalPostgres.ts', 'test/support/globalPulsar.ts'];

/** `--mode` is a lane, or `campaign`; without one, every test. */
export default defineConfig(({ mode }) => {
  const lane = LANES.find((name) => name === mode);
  const isCampaign = mode === 'campaign';
  return {
    test: {
      include: isCampaign ? [...CAMPAIGNS, TRIALS] : lane === undefined ? ['test/**/*.test.ts'] : filesOf(lane),
      globalSetup: ['test/support/leftOut.ts', ...(lane === 'unit' ? [] : SERVERS)],
      env: isCampaign ? { FAULTS_CAMPAIGN: '1' } : {},
      testTimeout: 60_000,
      hookTimeout: 60_000,
      // Two shared cores: files that start servers of their own must not starve one another.
      // The built program is loaded as it is, by Node itself.
      server: { deps: { external: [/\/dist\//] } },
      maxWorkers: 2,
      fileParallelism: !isCampaign,
      reporters: [isCampaign ? 'verbose' : 'default', ['json', { outputFile: '.balde/test-report.json' }]],
    },
  };
});
