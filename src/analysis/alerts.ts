/** Alerts as what-if compares them: those really raised, and those that a set of rules would raise. */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import type { AlertingState } from '../../projections/alerting/fold.ts';
import type {
  AlertEvent,
  EndReason,
  EpochMs,
  PolicyStateEvent,
  PolicyStateObserved,
  Severity,
} from '../domain/events.ts';
import type { Reactor } from '../domain/fold.ts';
import type { RaiseReason, ThresholdRules } from '../domain/thresholds.ts';
import { sampleOf } from '../domain/enrichment.ts';
import type { ForecastRules } from '../domain/estimate/outlook.ts';
import type { Sql } from '../store/database.ts';
import type { Bucket } from '../views/buckets.ts';
import type { Announcement } from './announcement.ts';

export interface Alert {
  readonly alertId: string;
  readonly participant: string;
  readonly policy: string;
  readonly severity: Severity;
  readonly raisedAt: EpochMs;
  /** `null` while open. */
  readonly resolvedAt: EpochMs | null;
  readonly raiseReason: RaiseReason;
  readonly resolveReason: EndReason | null;
  /** When it was raised. */
  readonly availableTokens: number;
  readonly capacity: number;
  readonly ruleVersion: string;
}

/** The alerts of one bucket that were really raised, oldest first. */
export async function raisedAlerts(sql: Sql, bucket: Bucket): Promise<Alert[]> {
  return await sql.query<Alert>(
    `select id as "alertId", participant, endpoint_id as policy, severity, created_at as "raisedAt",
       resolved_at as "resolvedAt", reason as "raiseReason", resolution_reason as "resolveReason",
       available_tokens as "availableTokens", capacity, rule_version as "ruleVersion"
     from dict_rate_limit_alerts where participant = $1 and endpoint_id = $2 order by created_at`,
    [bucket.participant, bucket.policy],
  );
}

/** Feeds the observations of one bucket to the production reactor and collects the alerts it raises. */
export class AlertCollector {
  readonly alerts: Alert[] = [];
  /** Those it made, oldest first; none without rules for them. */
  readonly forecasts: Announcement[] = [];
  readonly #reactor: Reactor<PolicyStateEvent, AlertingState, AlertEvent>;
  #state: AlertingState | undefined;
  readonly #carriedIn: Alert | null;

  /** `carriedIn`: the alert really open when history begins; nothing before tells what these rules would have done. */
  constructor(rules: ThresholdRules, carriedIn: Alert | null = null, foresee: ForecastRules | null = null) {
    // Only alerts are compared: what was consumed is not asked for.
    this.#reactor = alertingReactor(rules, foresee, false);
    this.#carriedIn = carriedIn;
  }

  observe(observation: PolicyStateObserved): void {
    this.#state ??= this.#carriedIn === null ? undefined : stateBefore(observation, this.#carriedIn);
    this.#react(observation);
  }

  /** The bucket was retired then. */
  retire(bucket: Bucket, at: EpochMs): void {
    const newest = this.#state?.newest;
    if (newest === undefined) return;
    const { participant, policy } = bucket;
    const event = { ...newest, participant, policy, responseTime: at, observedAt: at };
    this.#react({ ...event, type: 'PolicyRetired', eventId: '', correlationId: null, pollId: '' });
  }

  #react(happened: PolicyStateEvent): void {
    const { state, out } = this.#reactor.apply(this.#state, happened);
    this.#state = state;
    for (const event of out) {
      if (event.type === 'AlertRaised') {
        const { alertId, participant, policy, severity, availableTokens, capacity, ruleVersion } = event;
        this.alerts.push({
          ...{ alertId, participant, policy, severity, availableTokens, capacity, ruleVersion },
          ...{ raisedAt: event.timestamp, raiseReason: event.reason, resolvedAt: null, resolveReason: null },
        });
      } else if (event.type === 'AlertResolved') {
        const open = this.alerts.pop();
        // Without one it is the carried-in alert that ends: it is not compared.
        if (open) this.alerts.push({ ...open, resolvedAt: event.timestamp, resolveReason: event.reason });
      } else if (event.type === 'ForecastRaised') {
        this.forecasts.push({ raisedAt: event.timestamp, resolvedAt: null });
      } else if (event.type === 'ForecastResolved') {
        const open = this.forecasts.pop();
        if (open) this.forecasts.push({ ...open, resolvedAt: event.timestamp });
      }
    }
  }
}

/** The reactor's state just before the first observation that history still holds. */
function stateBefore(first: PolicyStateObserved, open: Alert): AlertingState {
  return {
    // Values of the predecessor are gone; they would change no alert, only rates that are not compared.
    newest: { ...sampleOf(first), responseTime: first.responseTime - 1 },
    category: first.category,
    machine: { level: open.severity, streak: [] },
    open: { alertId: open.alertId, severity: open.severity, thresholdPercent: 0, raisedAt: open.raisedAt },
  };
}
