/** The observations behind an alert, and the incident that it is a part of. */
import { alertAddress } from '../addresses.ts';
import type { Explained } from '../explained.ts';
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
