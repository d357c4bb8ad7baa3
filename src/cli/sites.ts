/** What a process serves beside its metrics. */
import { apiOf } from '../api/api.ts';
import type { Forms } from '../api/forms.ts';
import { lagReader } from '../api/lag.ts';
import { apiSite } from '../api/routes.ts';
import type { SiteSources } from '../app/roles.ts';
import type { Site } from '../serve/answer.ts';
import { webSite } from '../web/site.ts';
import { categoryJson } from './render/categoryReport.ts';
import { explanationJson } from './render/explanation.ts';
import { historyCsv } from './render/history.ts';
import { whatIfJson } from './render/whatIfReport.ts';

/** What the commands print is what the API answers. */
export const FORMS: Forms = {
  explanation: explanationJson,
  whatIf: whatIfJson,
  categories: (category, outcomes) => ({ category, policies: outcomes.map(categoryJson) }),
  historyCsv,
};

export function sitesOf({ config, storage, logger, watched, studied, signal }: SiteSources): readonly Site[] {
  const now = (): number => Date.now();
  const lag = lagReader({ storage: { database: watched, log: storage.log }, now, signal });
  const { rules } = config;
  const api = apiOf({ database: watched, studied, now, rules, lag, forms: FORMS });
  const onError = (err: unknown): void => logger.error({ err }, 'a question over HTTP failed');
  return [apiSite({ api, now, rules, onError }), webSite({ source: api, now, rules, onError })];
}
