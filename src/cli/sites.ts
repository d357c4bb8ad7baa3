/** What a process serves beside its metrics. */
import { apiOf } from '../api/api.ts';
import type { Forms } from '../api/forms.ts';
import { lagReader } from '../api/lag.ts';
import { takingIn } from '../api/outcomes.ts';
import { apiSite } from '../api/routes.ts';
import type { Sources } from '../api/sources.ts';
import type { SiteSources } from '../app/roles.ts';
import type { Site } from '../serve/answer.ts';
import type { IntakeOptions } from '../serve/intake.ts';
import type { Database } from '../store/database.ts';
import { webSite } from '../web/site.ts';
import { ALL_CATEGORIES } from './options/whatIf.ts';
import { rankingJson } from './render/categoryRanking.ts';
import { categoryJson } from './render/categoryReport.ts';
import { explanationJson } from './render/explanation.ts';
import { historyCsv } from './render/history.ts';
import { whatIfJson } from './render/whatIfReport.ts';

/** What the commands print is what the API answers. */
export const FORMS: Forms = {
  explanation: explanationJson,
  whatIf: whatIfJson,
  categories: (category, outcomes) => ({ category, policies: outcomes.map(categoryJson) }),
  ranking: (rankings) => ({ category: ALL_CATEGORIES, policies: rankings.map(rankingJson) }),
  historyCsv,
};

interface Asked extends Pick<SiteSources, 'config' | 'storage' | 'signal'> {
  /** The storage's own database unless there is a pool for those who watch. */
  readonly watched?: Database;
  readonly studied?: Database;
}

/** What the API answers from. */
export function sourcesOf({ config: { rules }, storage, signal, ...pools }: Asked): Sources {
  const { watched: database = storage.database, studied = database } = pools;
  const now = (): number => Date.now();
  const lag = lagReader({ storage: { database, log: storage.log }, now, signal });
  return { database, studied, now, rules, lag, forms: FORMS };
}

export function sitesOf(given: SiteSources): readonly Site[] {
  const { now, rules, ...sources } = sourcesOf(given);
  const api = apiOf({ ...sources, now, rules });
  const onError = (err: unknown): void => given.logger.error({ err }, 'a question over HTTP failed');
  const payers = payersAskedOf(given.config);
  return [apiSite({ api, now, rules, payers, onError }), webSite({ source: api, now, rules, onError })];
}

function payersAskedOf({ payers, participants }: SiteSources['config']) {
  const [only, ...others] = participants;
  return payers === null ? null : { participant: others.length > 0 ? null : (only?.participant ?? null) };
}

export function intakeOf({ config, storage: { log }, logger, signal }: SiteSources): IntakeOptions {
  const onError = (err: unknown): void => logger.error({ err }, 'calls that were sent could not be stored');
  return takingIn({ log, now: () => Date.now(), payers: config.payers !== null, onError, signal });
}
