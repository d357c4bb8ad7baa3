/** Leaving out what needs Prometheus: on request only, and the run says so. */
import { describe } from 'vitest';

/** `BALDE_TEST_WITHOUT_PROMETHEUS=1`: this machine can't have it and its user knows. */
export const isWithoutPrometheus: boolean = process.env['BALDE_TEST_WITHOUT_PROMETHEUS'] === '1';

/** `describe` for what needs Prometheus, Alertmanager or their tools. */
export const describePrometheus: typeof describe | typeof describe.skip = isWithoutPrometheus
  ? describe.skip
  : describe;
