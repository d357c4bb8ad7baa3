/** The categories side by side: how long each would have answered 429. */
import type { CategoriesRanked } from '../explained.ts';
import { useReading } from './context.ts';
import { Table } from './Table.tsx';

type Policy = CategoriesRanked['policies'][number];

export const CategoryRanking = ({ ranked }: { readonly ranked: CategoriesRanked }) => (
  <>
    {ranked.policies.map((policy) => (
      <Ranking key={`${policy.participant} ${policy.endpoint_id}`} policy={policy} />
    ))}
  </>
);

function Ranking({ policy }: { readonly policy: Policy }) {
  const { t, words } = useReading();
  const { likely_case: smallest } = policy.smallest_without_429;
  const lasted = (total: { readonly times: number; readonly seconds: number } | null): string =>
    total === null ? t.unknown : total.times === 0 ? t.trial.never : words.duration(total.seconds);
  return (
    <section class="panel" aria-label={policy.endpoint_id}>
      <h2>
        {policy.endpoint_id} <small>{policy.participant}</small>
      </h2>
      {smallest !== null && <p>{t.trial.smallest(smallest)}</p>}
      <Table
        label={`429: ${policy.endpoint_id} ${policy.participant}`}
        kind="sides"
        caption={`429: ${t.trial.least429}`}
        columns={[
          ...[t.trial.categoryName, t.bucket.capacity, t.trial.best, t.trial.likely, t.trial.worst],
          `${t.trial.tokensShort}: ${t.trial.likely}`,
        ]}
      >
        {policy.categories.map(({ category, capacity, best_case, likely_case, worst_case }) => (
          <tr key={category}>
            <th scope="row">{category}</th>
            <td>{words.number(capacity)}</td>
            <td>{lasted(best_case)}</td>
            <td>{lasted(likely_case)}</td>
            <td>{lasted(worst_case)}</td>
            <td>{words.number(likely_case?.refused_tokens ?? null)}</td>
          </tr>
        ))}
      </Table>
      <ul class="quiet assumptions" lang="en">
        {policy.assumptions.map((assumption) => (
          <li key={assumption}>{assumption}</li>
        ))}
      </ul>
    </section>
  );
}
