/** What a process serves beside its metrics. */
import { apiOf } from '../api/api.ts';
import { lagReader } from '../api/lag.ts';
import { apiSite } from '../api/routes.ts';
import type { SiteSources } from '../app/roles.ts';
import type { Site } from '../serve/answer.ts';

export function sitesOf({ config, storage, logger, watched, signal }: SiteSources): readonly Site[] {
  const now = (): number => Date.now();
  const lag = lagReader({ storage: { database: watched, log: storage.log }, now, signal });
  const api = apiOf({ database: watched, now, rules: config.rules, lag });
  const onError = (err: unknown): void => logger.error({ err }, 'a question over HTTP failed');
  return [apiSite({ api, now, onError })];
}
