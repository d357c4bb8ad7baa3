import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/globalPostgres.ts', 'test/support/globalPulsar.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two shared cores: files that start servers of their own must not starve one another.
    maxWorkers: 2,
    reporters: ['default', ['json', { outputFile: '.balde/test-report.json' }]],
  },
});
