/** Every metric of the registry, as a process with every role and everything configured declares them. */
import { loadConfig } from '../../src/config/config.ts';
import { ROLES } from '../../src/config/roles.ts';
import { metricsOf } from '../../src/app/metricsOf.ts';
import type { MetricSpec } from '../../src/serve/instruments.ts';

const unused = async (): Promise<never> => await Promise.reject(new Error('nothing is scraped'));

export function everyMetric(): readonly MetricSpec[] {
  const config = loadConfig({
    ...{ PARTICIPANT: '12345678', BRIDGE_ADDRESS: '127.0.0.1:1', ARCHIVE_DIR: 'archive' },
  });
  const log = {} as Parameters<typeof metricsOf>[0]['log'];
  return metricsOf({ config, roles: ROLES, watched: { transaction: unused }, log }).declared;
}
