/** What a run says at its end when the tests on Prometheus were left out. */
import { isWithoutPrometheus } from './prometheusSuites.ts';

export default function setup(): (() => void) | undefined {
  if (!isWithoutPrometheus) return undefined;
  return () => {
    process.stderr.write('\nThe tests on Prometheus were left out: BALDE_TEST_WITHOUT_PROMETHEUS=1 is set.\n');
  };
}
