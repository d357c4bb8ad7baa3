/** The observations behind an alert, and the incident that it is a part of. */
import { alertAddress } from '../addresses.ts';
import type { Attributed, Explained } from '../explained.ts';
import { Consumers, NotFound, Unexplained } from './Calls.tsx';
import { useReading } from './context.ts';
import { Level } from './Level.tsx';
import { Table } from './Table.tsx';
import { Time } from './Time.tsx';

/** What came before, and what decided, marked. */
export function Decided({ explained, now }: { readonly explained: Explained; readonly now: number }) {
  const { t, words } = useReading();
  const { before, causes } = explained;
  if (before.length + causes.length === 0) return <p class="quiet">{t.alert.dropped}</p>;
  return (
    <Table label={t.alert.before} columns={[t.bucket.time, t.bucket.tokens, '%', t.bucket.rate]}>
      {[...before, ...causes].map((point, i) => (
        <tr key={point.response_time} class={i >= before.length ? 'deciding' : ''}>
          <td>{words.clock(point.response_time, now)}</td>
          <td>{words.number(point.available_tokens)}</td>
          <td>{words.percent((point.available_tokens * 100) / point.capacity)}</td>
          <td>{words.number(point.consumption_rate_per_minute)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** Oldest first. */
export function Chain({ chain, here }: { readonly chain: Explained['chain']; readonly here: string }) {
  return (
    <ol class="events">
      {chain.map(({ id, severity, created_at }) => (
        <li key={id} aria-current={id === here ? 'true' : undefined}>
          <p>
            <Level level={severity} />{' '}
            {id === here ? <Time at={created_at} /> : <a href={alertAddress(id)}>{<Time at={created_at} />}</a>}
          </p>
        </li>
      ))}
    </ol>
  );
}

/** Who drained it, as far as calls were reported. */
export function Drained({ attribution }: { readonly attribution: Attributed }) {
  const { t, words } = useReading();
  const { tokens, consumed_at_least: low, consumed_estimate: estimate, incomplete, unexplained } = attribution;
  return (
    <div class="calls">
      <p>
        {attribution.sources
          .filter((each) => each.tokens > 0)
          .slice(0, NAMED)
          .map(({ source, share }) => `${source} ${words.percent(share)}`)
          .join(' · ')}
      </p>
      <Consumers shares={attribution.shares} />
      <p>{t.calls.cost(words.number(tokens), words.number(low), estimate === null ? null : words.number(estimate))}</p>
      {incomplete.length > 0 && (
        <p class="quiet">{t.calls.incomplete(incomplete.map(({ source }) => source).join(', '))}</p>
      )}
      <NotFound rates={attribution.error_404_rates} />
      {unexplained !== null && <Unexplained proof={unexplained} readings={attribution.readings} />}
      <p class="quiet">{t.calls.range(words.time(attribution.from), words.time(attribution.to))}</p>
    </div>
  );
}

/** Of more the table has the rest. */
const NAMED = 3;
