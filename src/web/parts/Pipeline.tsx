/** How Balde itself is: what it waits for, what runs, and what somebody should see to. */
import type { ComponentChildren } from 'preact';
import type { Concern, NextPollTold, PipelineHealth } from '../../api/answers.ts';
import { useReading } from './context.ts';
import { Time } from './Time.tsx';

interface PipelineProps {
  readonly pipeline: PipelineHealth;
  /** Milliseconds. */
  readonly now: number;
}

export function Pipeline({ pipeline, now }: PipelineProps) {
  const { t, words } = useReading();
  const { lag_events: events, lag_seconds: seconds } = pipeline;
  const lag =
    events === 0 ? t.noLag : t.lagText(words.number(events), seconds === null ? null : words.duration(seconds));
  return (
    <>
      <Concerns concerns={pipeline.concerns} />
      <dl class="facts">
        <Fact name={t.lastObservation}>
          {pipeline.last_observation === null ? t.never : <Time at={pipeline.last_observation} near={now} />}
        </Fact>
        <Fact name={t.nextPoll}>
          {pipeline.next_polls.length === 0
            ? t.unknown
            : pipeline.next_polls.map((poll) => <NextPoll key={poll.participant} poll={poll} now={now} />)}
        </Fact>
        <Fact name={t.lag}>{events === null ? t.unknown : lag}</Fact>
        <Fact name={t.outbox}>{words.number(pipeline.outbox)}</Fact>
        <Fact name={t.retention}>
          {pipeline.retention_succeeded_at === null ? (
            t.never
          ) : (
            <Time at={pipeline.retention_succeeded_at} near={now} />
          )}
        </Fact>
        <Fact name={t.monthsAhead}>{words.number(pipeline.retention_months_ahead)}</Fact>
        <Fact name={t.processes}>
          {pipeline.processes.map(({ name, roles, standing_by }) => {
            const working = roles.filter((role) => !standing_by.includes(role));
            return (
              <span key={name} class="process">
                {name} <small>{working.join(', ')}</small>
                {standing_by.length > 0 && (
                  <small class="standby">
                    {t.standingBy} {standing_by.join(', ')}
                  </small>
                )}
              </span>
            );
          })}
        </Fact>
      </dl>
    </>
  );
}

function Concerns({ concerns }: Pick<PipelineHealth, 'concerns'>) {
  const { t, words } = useReading();
  if (concerns.length === 0) return <p class="well">{t.pipelineWell}</p>;
  const written = (values: Concern['values']) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : name === 'seconds' ? words.duration(value) : words.number(value),
      ]),
    );
  return (
    <ul class="concerns">
      {concerns.map(({ code, text, values }) => (
        <li key={text}>{t.concerns[code](written(values))}</li>
      ))}
    </ul>
  );
}

function NextPoll({ poll: { participant, endpoint_id: policy, at, reason }, now }: NextPollProps) {
  const { t, words } = useReading();
  const seconds = (Date.parse(at) - now) / 1000;
  return (
    <span class="process">
      {seconds < 1 ? t.pollNow : t.pollIn(words.duration(seconds))} <small>{policy ?? t.pollAll(participant)}</small>{' '}
      <small>{t.pollReasons[reason] ?? reason}</small>
    </span>
  );
}

interface NextPollProps {
  readonly poll: NextPollTold;
  readonly now: number;
}

export const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
