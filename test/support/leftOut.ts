/** What a run says at its end when tests were left out on request. */
import { isWithoutBrowser } from './browserSuites.ts';
import { isWithoutPgBouncer } from './pgbouncer.ts';
import { isWithoutPrometheus } from './prometheusSuites.ts';

const LEFT_OUT = [
  ...(isWithoutPrometheus ? ['The tests on Prometheus were left out: BALDE_TEST_WITHOUT_PROMETHEUS=1 is set.'] : []),
  ...(isWithoutPgBouncer ? ['The tests on PgBouncer were left out: BALDE_TEST_WITHOUT_PGBOUNCER=1 is set.'] : []),
  ...(isWithoutBrowser ? ['The tests in a browser were left out: BALDE_TEST_WITHOUT_BROWSER=1 is set.'] : []),
];

export default function setup(): (() => void) | undefined {
  if (LEFT_OUT.length === 0) return undefined;
  return () => {
    process.stderr.write(`\n${LEFT_OUT.join('\n')}\n`);
  };
}
