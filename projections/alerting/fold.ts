/** Reactor "alerting": threshold transitions and category changes of each bucket, as events. */
import { enrich, isNotNewer, sampleOf } from '../../src/domain/enrichment.ts';
import type { Enrichment } from '../../src/domain/enrichment.ts';
import { gauge as gaugeWith, ratePerMinute } from '../../src/domain/estimate/consumption.ts';
import type { Gauge } from '../../src/domain/estimate/consumption.ts';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import type { ForecastRules } from '../../src/domain/estimate/outlook.ts';
import { bucketKey } from '../../src/domain/events.ts';
import type {
  AlertEvent,
  Cause,
  PolicyRetired,
  PolicyStateEvent,
  PolicyStateObserved,
  Severity,
} from '../../src/domain/events.ts';
import type { Reactor, Step } from '../../src/domain/fold.ts';
import { alertEventId, alertId, categoryChangeId } from '../../src/domain/identity.ts';
import { advance, DEFAULT_RULES, INITIAL_MACHINE, ruleVersion } from '../../src/domain/thresholds.ts';
import type { MachineStep, ThresholdRules } from '../../src/domain/thresholds.ts';
import { endForecast, endWith, withoutAlert } from './ended.ts';
import { foresee, forecastVersion } from './forecasting.ts';
import { gaugeOf } from './state.ts';
import type { AlertingState, OpenAlert } from './state.ts';
import { categoryMessage, raisedMessage, resolvedMessage } from './messages.ts';

export type { AlertingState } from './state.ts';

/**
 * The reactor under given rules. Rules are part of its meaning: each event names them in `ruleVersion`.
 * @param forecasts `null`, the default: none are made
 * @param estimates `false`: no consumption is estimated, for who asks for the alerts alone
 */
export function alertingReactor(
  rules: ThresholdRules = DEFAULT_RULES,
  forecasts: ForecastRules | null = null,
  estimates = true,
): Reactor<PolicyStateEvent, AlertingState, AlertEvent> {
  return {
    kind: 'reactor',
    name: 'alerting',
    revision: 1,
    topic: 'policy-states',
    key: bucketKey,
    apply: (state, event) =>
      event.type === 'PolicyRetired'
        ? retire(state, event, { rules, forecasts })
        : react(state, event, { rules, forecasts, estimates }),
  };
}

const isLate = ({ newest, retiredAt = -Infinity }: AlertingState, { responseTime }: PolicyStateEvent): boolean =>
  isNotNewer(responseTime, newest) || responseTime <= retiredAt;

interface Rules {
  readonly rules: ThresholdRules;
  readonly forecasts: ForecastRules | null;
}

/** Nothing will be observed that could end the alert. An observation that comes all the same decides anew. */
function retire(
  state: AlertingState | undefined,
  event: PolicyRetired,
  { rules, forecasts }: Rules,
): Step<AlertingState, AlertEvent> {
  if (state === undefined || isLate(state, event) || state.retiredAt !== undefined) return { state, out: [] };
  const { open: alert, newest, foresight, ...kept } = state;
  const forecast = foresight?.forecast ?? null;
  const { participant, policy, responseTime: timestamp } = event;
  const ending = { participant, policy, timestamp, reason: 'RETIRED', rules } as const;
  return {
    state: { ...withoutAlert({ ...kept, newest, open: alert }), retiredAt: timestamp },
    out: [
      ...(alert === null ? [] : [endWith({ ...ending, alert }, newest)]),
      ...(forecast === null ? [] : [endForecast(forecast, ending, newest, forecasts)]),
    ],
  };
}

/** What every event of one observation shares. */
interface Context {
  readonly event: PolicyStateObserved;
  readonly enrichment: Enrichment;
  /** Consumption as estimated. Tokens per minute. */
  readonly rate: number | null;
  readonly rules: ThresholdRules;
}

function react(
  state: AlertingState | undefined,
  event: PolicyStateObserved,
  { rules, forecasts, estimates }: Rules & { readonly estimates: boolean },
): Step<AlertingState, AlertEvent> {
  if (state !== undefined && isLate(state, event)) return { state, out: [] };

  const before = state?.newest ?? null;
  const enrichment = enrich(event, before);
  const { rate, ...estimating } = estimates ? estimated(state, event, enrichment) : { rate: null };
  const context: Context = { event, rules, enrichment, rate };
  const out: AlertEvent[] = [];
  const known = state?.category ?? null;
  if (known !== null && event.category !== null && event.category !== known) {
    out.push(categoryChanged(context, known, event.category));
  }
  const step = advance<Cause>(state?.machine ?? INITIAL_MACHINE, event, causeOf(event), rules);
  const open = changeAlert(context, step, state?.open ?? null, out);
  const ruleVersion = forecastVersion(forecasts ?? FORECAST_RULES);
  const occasion = {
    event,
    before,
    common: { ...common(context, [causeOf(event)]), ruleVersion },
  };
  const { state: foresight, out: foreseen } = foresee(state?.foresight, occasion, forecasts);
  out.push(...foreseen);
  const next = { newest: sampleOf(event), category: event.category ?? known, machine: step.state, open, ...estimating };
  return { state: foresight === undefined ? next : { ...next, foresight }, out };
}

/** As history has it: from the same readings, by the same function. */
function estimated(
  state: AlertingState | undefined,
  event: PolicyStateObserved,
  { consumption }: Enrichment,
): { readonly gauge: Gauge; readonly rate: number | null } {
  const before = state === undefined ? null : { ...state.newest, policy: event.policy };
  const { gauge, estimate } = gaugeWith(gaugeOf(state), before, event, consumption);
  return { gauge, rate: ratePerMinute(estimate, before?.responseTime ?? null, event.responseTime) };
}

/** Carries the transition out: the events go to `out`, the alert then open is returned. */
function changeAlert(
  context: Context,
  step: MachineStep<Cause>,
  open: OpenAlert | null,
  out: AlertEvent[],
): OpenAlert | null {
  const { resolve, raise } = step.transition;
  let current = open;
  if (resolve !== null && current !== null) {
    out.push({
      ...common(context, step.causes),
      type: 'AlertResolved',
      eventId: alertEventId('AlertResolved', current.alertId),
      alertId: current.alertId,
      severity: current.severity,
      thresholdPercent: current.thresholdPercent,
      raisedAt: current.raisedAt,
      reason: resolve,
      message: resolvedMessage(context.event, current.severity, resolve),
    });
    current = null;
  }
  if (raise !== null && step.to !== 'OK') {
    current = openAlert(context, step.to);
    out.push({
      ...common(context, step.causes),
      type: 'AlertRaised',
      eventId: alertEventId('AlertRaised', current.alertId),
      alertId: current.alertId,
      severity: current.severity,
      thresholdPercent: current.thresholdPercent,
      reason: raise,
      message: raisedMessage(context.event, current.severity, current.thresholdPercent),
    });
  }
  return current;
}

function openAlert({ event, rules }: Context, severity: Severity): OpenAlert {
  return {
    alertId: alertId(event.participant, event.policy, severity, event.responseTime),
    severity,
    thresholdPercent: severity === 'CRITICAL' ? rules.criticalPercent : rules.warningPercent,
    raisedAt: event.responseTime,
  };
}

function categoryChanged(context: Context, previousCategory: string, category: string): AlertEvent {
  const { event } = context;
  return {
    ...common(context, [causeOf(event)]),
    type: 'CategoryChanged',
    eventId: categoryChangeId(event.participant, event.policy, event.responseTime, category),
    category,
    previousCategory,
    message: categoryMessage(event, previousCategory, category),
  };
}

function common({ event, enrichment, rate, rules }: Context, causedBy: readonly Cause[]) {
  const { consumptionRateLowPerMinute: low } = enrichment;
  return {
    participant: event.participant,
    policy: event.policy,
    timestamp: event.responseTime,
    availableTokens: event.availableTokens,
    capacity: event.capacity,
    utilizationPercent: enrichment.utilizationPercent,
    consumptionRatePerMinute: rate,
    ...(low === null ? {} : { consumptionRateLowPerMinute: low }),
    recoveryEtaSeconds: enrichment.recoveryEtaSeconds,
    exhaustionProjectionSeconds: enrichment.exhaustionProjectionSeconds,
    category: event.category,
    causedBy,
    ruleVersion: ruleVersion(rules),
  };
}

const causeOf = (event: PolicyStateObserved): Cause => ({
  eventId: event.eventId,
  responseTime: event.responseTime,
  availableTokens: event.availableTokens,
  capacity: event.capacity,
});
