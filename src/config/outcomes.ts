/** Where outcomes of calls are taken in from, beside the topic. */
import { tokenOf } from './http.ts';
import type { Token } from './http.ts';
import { CALL_LABELS_DEFAULT } from './schema.ts';
import type { CallLabels, Settings } from './schema.ts';
import type { Problems } from './sources.ts';

export interface OutcomesConfig {
  /** Of who may send them over HTTP; `null`: nobody may. */
  readonly token: Token | null;
  /** A server that is asked for counters; `null`: none is. */
  readonly prometheus: { readonly url: string; readonly query: string; readonly labels: CallLabels } | null;
}

export function outcomesOf(settings: Settings, problems: Problems): OutcomesConfig {
  const token = tokenOf(settings, 'OUTCOMES_TOKEN', problems);
  const {
    OUTCOMES_PROMETHEUS_URL: url,
    OUTCOMES_PROMETHEUS_QUERY: query,
    OUTCOMES_PROMETHEUS_LABELS: labels = CALL_LABELS_DEFAULT,
  } = settings;
  if (token !== null && 'value' in token && token.value === settings.HTTP_TOKEN)
    problems.push(
      'OUTCOMES_TOKEN: is that of HTTP_TOKEN: who may write must not be able to look, nor the other way round',
    );
  return { token, prometheus: url === undefined || query === undefined ? null : { url, query, labels } };
}
