/** What the calls of a bucket came to: how many found nothing, who used the tokens, and what nobody reported. */
import type { CallsAnswer, NotFoundRateTold, Reading, ShareTold, UnexplainedTold } from '../../api/answers.ts';
import { useReading } from './context.ts';
import { Fact } from './Pipeline.tsx';
import { Table } from './Table.tsx';

interface CallsProps {
  readonly calls: CallsAnswer;
  readonly isPast: boolean;
}

export function Calls({ calls, isPast }: CallsProps) {
  const { t, words } = useReading();
  return (
    <section class="panel calls" aria-labelledby="calls">
      <h2 id="calls">{t.calls.title}</h2>
      <NotFound rates={calls.error_404_rates} />
      {calls.unexplained !== null && (
        <Unexplained proof={calls.unexplained} readings={calls.readings} time={hoursText(24)} />
      )}
      {calls.is_proof_pending && (
        <dl class="facts">
          <Fact name={t.calls.unexplained(hoursText(24))}>{t.calls.pending}</Fact>
        </dl>
      )}
      <Consumers shares={calls.consumers} />
      <p class="quiet">
        {t.calls.range(words.time(calls.from), words.time(calls.to))}
        {isPast && ` ${t.calls.past}`}
      </p>
    </section>
  );
}

const hoursText = (hours: number): string => `${hours}\u00a0h`;

export const NotFound = ({ rates }: { readonly rates: readonly NotFoundRateTold[] }) => (
  <dl class="facts">
    {rates.map((rate) => (
      <NotFoundRate key={rate.hours} rate={rate} />
    ))}
  </dl>
);

function NotFoundRate({ rate }: { readonly rate: NotFoundRateTold }) {
  const { t, words } = useReading();
  const { hours, queries, error_404_rate: percent, error_404_rate_low: low, error_404_rate_high: high } = rate;
  return (
    <Fact name={t.calls.rate(hoursText(hours))}>
      {percent === null ? t.calls.noQuery : t.calls.of(words.percent(percent), words.number(queries))}
      {percent !== null && (
        <small title={t.calls.intervalNote}>{t.interval(words.percent(low), words.percent(high))}</small>
      )}
    </Fact>
  );
}

interface UnexplainedProps {
  readonly proof: UnexplainedTold;
  readonly readings: readonly Reading[];
  /** How long before; `null`: the page says it by itself. */
  readonly time?: string | null;
}

export function Unexplained({ proof, readings, time = null }: UnexplainedProps) {
  const { t, words } = useReading();
  const { unexplained_at_least: tokens, checked_until: until, waiting_for: waiting } = proof;
  return (
    <>
      <dl class="facts">
        <Fact name={t.calls.unexplained(time)}>
          {tokens === null && t.calls.unproven}
          {tokens === 0 && t.calls.explained(words.time(until))}
          {tokens !== null && tokens > 0 && (
            <strong class="danger">
              {t.calls.atLeast(
                words.number(tokens),
                words.time(proof.unexplained_since),
                words.time(proof.unexplained_until),
              )}
            </strong>
          )}
          {waiting.length > 0 && <small>{t.calls.waiting(waiting.join(', '))}</small>}
        </Fact>
        {tokens !== null && tokens > 0 && (
          <Fact name={t.calls.against}>
            {t.calls.sums(words.number(proof.consumed_at_least), words.number(proof.explained_at_most))}
          </Fact>
        )}
      </dl>
      {readings.length > 0 && (
        <>
          <p>{t.calls.mayBe}</p>
          <ul class="readings">
            {readings.map((reading) => (
              <li key={reading}>{t.calls.readings[reading]}</li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** More have little each. */
const SHOWN = 20;

export function Consumers({ shares }: { readonly shares: readonly ShareTold[] }) {
  const { t, words } = useReading();
  const columns = [t.calls.source, t.calls.operation, t.calls.share, t.calls.tokens, t.calls.calls, '404', '429'];
  if (shares.length === 0) return <p class="quiet">{t.calls.none}</p>;
  return (
    <>
      <Table label={t.calls.consumers} columns={columns} kind="consumers">
        {shares.slice(0, SHOWN).map((share) => (
          <tr key={`${share.source} ${share.operation}`}>
            <td>{share.source}</td>
            <td>{share.operation}</td>
            <td>{words.percent(share.share)}</td>
            <td>{words.number(share.tokens)}</td>
            <td>{words.number(share.calls)}</td>
            <td>{words.number(share.not_found)}</td>
            <td>{words.number(share.refused)}</td>
          </tr>
        ))}
      </Table>
      {shares.length > SHOWN && <p class="quiet">{t.trial.more(words.number(shares.length - SHOWN))}</p>}
    </>
  );
}
