/** One alert: why it was raised, what had been forecast, what came of it. */
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { AlertAnswer } from '../../api/answers.ts';
import { alertAddress, bucketAddress } from '../addresses.ts';
import { chartDataOf } from '../chartData.ts';
import { explainedOf } from '../explained.ts';
import type { Explained } from '../explained.ts';
import { useSentence } from '../parts/Alerts.tsx';
import { BucketChart } from '../parts/BucketChart.tsx';
import { Chain, Decided, Drained } from '../parts/Explanation.tsx';
import { useReading } from '../parts/context.ts';
import { PastForecasts } from '../parts/Forecasts.tsx';
import { Level } from '../parts/Level.tsx';
import { Fact } from '../parts/Pipeline.tsx';
import { Shell } from '../parts/Shell.tsx';
import { Time } from '../parts/Time.tsx';

export interface AlertPageProps {
  readonly answer: AlertAnswer;
}

export function AlertPage({ answer }: AlertPageProps) {
  const { t } = useReading();
  const { alert, forecasts, series } = answer;
  const explained = explainedOf(answer);
  const { attribution = null } = explained;
  const raisedAt = Date.parse(alert.created_at);
  const ends = { from: series.time[0] ?? alert.created_at, to: series.time.at(-1) ?? alert.created_at };
  return (
    <Shell address={alertAddress(alert.id)} here={null} connection={null}>
      <div class="title">
        <a href={bucketAddress(alert, ends)}>{t.alert.bucket}</a>
        <h1>{t.alert.title(t.levels[alert.severity], alert.endpoint_id)}</h1>
        <p>
          <Level level={alert.severity} /> <span class="quiet">{alert.participant}</span> {useSentence(alert)}
        </p>
      </div>
      {series.time.length === 0 ? <p class="nothing">{t.alert.dropped}</p> : <Around answer={answer} ends={ends} />}
      <div class="below">
        <Part id="facts" title={t.alert.facts}>
          <Facts answer={answer} explained={explained} />
        </Part>
        {attribution !== null && (
          <Part id="drained" title={t.calls.incident}>
            <Drained attribution={attribution} />
          </Part>
        )}
        <Part id="forecast" title={t.alert.forecast}>
          {forecasts.length === 0 ? (
            <p class="quiet">{t.alert.noForecast}</p>
          ) : (
            <PastForecasts forecasts={forecasts} now={raisedAt} />
          )}
        </Part>
        <Part id="decided" title={t.alert.causes}>
          <Decided explained={explained} now={raisedAt} />
        </Part>
        <Part id="chain" title={t.alert.chain}>
          <Chain chain={explained.chain} here={alert.id} />
        </Part>
      </div>
    </Shell>
  );
}

interface PartProps {
  readonly id: string;
  readonly title: string;
  readonly children: ComponentChildren;
}

const Part = ({ id, title, children }: PartProps) => (
  <section aria-labelledby={id}>
    <h2 id={id}>{title}</h2>
    {children}
  </section>
);

interface AroundProps extends AlertPageProps {
  readonly ends: { readonly from: string; readonly to: string };
}

const nothing = (): void => undefined;

function Around({ answer, ends }: AroundProps) {
  const { t, words } = useReading();
  const { alert, series, forecasts } = answer;
  const { rules, chain } = explainedOf(answer);
  const data = useMemo(() => {
    const { warning_percent = 20, critical_percent = 10 } = rules ?? {};
    const alerts = chain.map((each) => ({ ...alert, ...each }));
    return chartDataOf({ ...ends, series, forecasts, alerts, thresholds: { warning_percent, critical_percent } });
  }, [answer]);
  return (
    <section class="panel" aria-label={t.alert.chart}>
      <BucketChart
        data={data}
        label={t.bucket.chartLabel(alert.endpoint_id, words.time(ends.from), words.time(ends.to))}
        onRange={nothing}
        onReset={nothing}
      />
    </section>
  );
}

function Facts({ answer: { alert }, explained }: AlertPageProps & { readonly explained: Explained }) {
  const { t, words } = useReading();
  const { reached_zero_at: zero, lead_seconds: lead, lasted_seconds: lasted, followed, rules } = explained;
  const why = (reason: string | null): string => (reason === null ? '' : `: ${t.reasons[reason] ?? reason}`);
  return (
    <dl class="facts">
      <Fact name={t.alert.raised}>
        <Time at={alert.created_at} />
        {why(alert.reason)}
      </Fact>
      <Fact name={t.alert.resolved}>
        {alert.resolved_at === null ? t.open : <Time at={alert.resolved_at} />}
        {why(alert.resolution_reason)}
      </Fact>
      {lasted !== null && <Fact name={t.alert.lasted}>{words.duration(lasted)}</Fact>}
      <Fact name={t.alert.empty}>
        {zero === null || lead === null ? t.alert.neverEmpty : t.alert.lead(words.time(zero), words.duration(lead))}
      </Fact>
      {rules !== null && (
        <Fact name={t.alert.rules}>
          {t.alert.rulesText(words.percent(rules.warning_percent), words.percent(rules.critical_percent))}
        </Fact>
      )}
      <Demand explained={explained} />
      {followed !== null && (
        <Fact name={t.alert.followed}>
          {t.alert.followedText(words.number(followed.observations), words.time(followed.until))}
          <br />
          {t.alert.lowest(words.number(followed.lowest.available_tokens), words.time(followed.lowest.response_time))}
        </Fact>
      )}
    </dl>
  );
}

/** Against what is usual at that hour. */
function Demand({ explained: { why } }: { readonly explained: Explained }) {
  const { t, words } = useReading();
  if (why?.draining_since === undefined || why.draining_since === null) return null;
  const pace = (rate: number | null, low: number | null): string =>
    rate === null ? t.alert.atLeast(words.number(low)) : words.number(rate);
  const { usual_per_minute: usual, usual_low_per_minute: usualLow, times_usual: times } = why;
  return (
    <Fact name={t.alert.demand}>
      {t.alert.demandText(pace(why.demand_per_minute, why.demand_low_per_minute), words.time(why.draining_since))}
      {(usual !== null || usualLow !== null) && (
        <>
          <br />
          {t.alert.usual(pace(usual, usualLow), times === null ? null : words.number(times, 1))}
        </>
      )}
    </Fact>
  );
}
