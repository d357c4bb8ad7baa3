/** When buckets of another category would have answered 429. */
import type { CategoryTried } from '../explained.ts';
import { useReading } from './context.ts';

type Policy = CategoryTried['policies'][number];

export const CategoryTrial = ({ tried }: { readonly tried: CategoryTried }) => (
  <>
    {tried.policies.map((policy) => (
      <PolicyTrial key={`${policy.participant} ${policy.endpoint_id}`} policy={policy} />
    ))}
  </>
);

function PolicyTrial({ policy }: { readonly policy: Policy }) {
  const { t, words } = useReading();
  const refill = t.bucket.refillText(words.number(policy.refill_tokens), words.duration(policy.refill_period_sec));
  return (
    <section class="panel" aria-label={policy.endpoint_id}>
      <h2>
        {policy.endpoint_id} <small>{policy.participant}</small>
      </h2>
      <p class="quiet">{t.trial.settings(words.number(policy.capacity), refill)}</p>
      <div class="below">
        <Periods title={t.trial.best} periods={policy.best_case} />
        {policy.likely_case && <Periods title={t.trial.likely} periods={policy.likely_case} />}
        <Periods title={t.trial.worst} periods={policy.worst_case} />
      </div>
      <ul class="quiet assumptions" lang="en">
        {policy.assumptions.map((assumption) => (
          <li key={assumption}>{assumption}</li>
        ))}
      </ul>
    </section>
  );
}

const LISTED = 20;

function Periods({ title, periods }: { readonly title: string; readonly periods: Policy['best_case'] }) {
  const { t, words } = useReading();
  return (
    <div>
      <h3>
        {title}: {periods.length === 0 ? t.trial.never : t.trial.refused(words.number(periods.length))}
      </h3>
      <ul>
        {periods.slice(0, LISTED).map(({ from, to }) => (
          <li key={from}>
            {words.time(from)}
            {to !== null && ` · ${words.duration((Date.parse(to) - Date.parse(from)) / 1000)}`}
          </li>
        ))}
      </ul>
      {periods.length > LISTED && <p class="quiet">{t.trial.more(words.number(periods.length - LISTED))}</p>}
    </div>
  );
}
