/** Compares a database and its alert topic with the oracle, value by value. */
import { expect } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { Sql } from '../../src/store/database.ts';
import { ratesOf, withoutEstimate, withoutRate } from './estimates.ts';
import type { Rates } from './estimates.ts';
import { textOf } from './arithmetic.ts';
import { oracle } from './oracle.ts';
import type { Cell, Expected, OracleObservation, OracleRow } from './oracle.ts';
import { decodable, readTopicOnce } from './readLog.ts';
import { expectRollupsEqualHistory } from './rollups.ts';

/** What was compared, for tests that want to know that it was not nothing. */
export interface Compared {
  readonly observations: number;
  readonly history: number;
  readonly alerts: number;
  readonly resolved: number;
  readonly categoryChanges: number;
  readonly log: readonly OracleObservation[];
}

/**
 * Every row of every table and every event of the alert topic is what a straight fold of the observations gives.
 * @param unlike fields of alerts that a program before this one reckoned otherwise, some of whose alerts are there
 */
export async function expectDatabaseEqualsOracle(
  sql: Sql,
  log: EventLog,
  unlike: readonly string[] = [],
): Promise<Compared> {
  const messages = await readTopicOnce(log, POLICY_STATES.name);
  const observations = decodable(messages, POLICY_STATES.decode);
  const expected = alertsWithout(oracle(observations), unlike);
  const rates = await expectReadModels(sql, expected, unlike);
  await expectTopic(log, expected, { rates, unlike });
  return {
    observations: observations.length,
    history: expected.history.length,
    alerts: expected.alerts.length,
    resolved: expected.alerts.filter((alert) => alert['resolved'] === true).length,
    categoryChanges: expected.categoryChanges.length,
    log: observations,
  };
}

const without = (row: OracleRow, names: readonly string[]): OracleRow =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));

function alertsWithout(expected: Expected, names: readonly string[]): Expected {
  if (names.length === 0) return expected;
  const topic = Object.entries(expected.topic).map(([key, events]) => [
    key,
    events.map((event) => without(event, names)),
  ]);
  const alerts = expected.alerts.map((row) => without(row, names));
  return { ...expected, alerts, topic: Object.fromEntries(topic) as Expected['topic'] };
}

/** Reasons that came with the second version of AlertResolved. */
const NEWER: readonly Cell[] = ['SUPERSEDED', 'RETIRED'];

/** The oldest version that has what the event says. */
function versionOf(event: OracleRow): number {
  const isResolved = event['event_type'] === 'AlertResolved';
  if (event['consumption_rate_low_per_minute'] !== undefined) return isResolved ? 3 : 2;
  return isResolved && NEWER.includes(event['reason'] ?? null) ? 2 : 1;
}

/** Columns of the latest view that the wall clock decides. */
const CLOCKED = new Set(['health_status', 'age_seconds', 'remaining_percent', 'response_timestamp']);

/** @returns the estimates of history, which alerts go by */
async function expectReadModels(sql: Sql, expected: Expected, unlike: readonly string[]): Promise<Rates> {
  const bucket = ['participant', 'endpoint_id'];
  const states = await rows(sql, 'dict_rate_limit_states');
  const rates = ratesOf(states);
  expectSameRows('history', [...bucket, 'response_time'], states.map(historyOf), expected.history);
  const policies = await rows(sql, 'dict_rate_limit_policies');
  expectSameRows('policies', bucket, policies, expected.policies);
  const alerts = await rows(sql, 'dict_rate_limit_alerts');
  const told = alerts.map((row) => withoutRate(row, Number(row['created_at']), rates, unlike));
  expectSameRows('alerts', ['id'], told, expected.alerts);
  const changes = await rows(sql, 'dict_rate_limit_category_changes');
  expectSameRows('category changes', ['id'], changes, expected.categoryChanges);

  const latest = await rows(sql, 'v_dict_rate_limit_latest_states');
  expectSameRows('latest', bucket, latest.map(shownOf), expected.latest.map(withoutIdentity));
  await expectActiveAlerts(sql, expected);
  await expectRollupsEqualHistory(sql);
  return rates;
}

async function expectActiveAlerts(sql: Sql, expected: Expected): Promise<void> {
  const active = await rows(sql, 'v_dict_rate_limit_active_alerts');
  const open = expected.alerts.filter((alert) => alert['resolved'] === false);
  const place = (row: OracleRow): string =>
    JSON.stringify([
      row['severity'] === 'CRITICAL' ? 0 : 1,
      ...['created_at', 'participant', 'endpoint_id'].map((name) => row[name]),
    ]);
  const ordered = [...open].sort((a, b) => (place(a) < place(b) ? -1 : 1));
  expect(
    active.map((row) => row['id']),
    'open alerts, CRITICAL first, oldest first',
  ).toEqual(ordered.map((row) => row['id']));
}

const rows = async (sql: Sql, view: string): Promise<OracleRow[]> =>
  await sql.query<Record<string, Cell>>(`select * from ${view}`);

const renamed = (row: OracleRow): OracleRow => {
  const { created_at: observedAt, ...others } = row;
  return { ...others, observed_at: observedAt ?? null };
};

function historyOf(row: OracleRow): OracleRow {
  expect(row['response_timestamp']).toBe(row['response_time']);
  const { response_timestamp: _alias, ...others } = renamed(row);
  return withoutEstimate(others);
}

function shownOf(row: OracleRow): OracleRow {
  expect(row['response_timestamp']).toBe(row['response_time']);
  expect(row['remaining_percent']).toBe(100 - Number(row['utilization_percent']));
  return withoutEstimate(Object.fromEntries(Object.entries(renamed(row)).filter(([name]) => !CLOCKED.has(name))));
}

/** The latest view shows no identifiers. */
function withoutIdentity(row: OracleRow): OracleRow {
  const { id: _id, correlation_id: _correlation, poll_id: _poll, ...others } = row;
  return others;
}

function expectSameRows(
  what: string,
  key: readonly string[],
  actual: readonly OracleRow[],
  expected: readonly OracleRow[],
): void {
  const sorted = (list: readonly OracleRow[]): [string, OracleRow][] =>
    list
      .map((row): [string, OracleRow] => [JSON.stringify(key.map((name) => row[name])), row])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const [have, want] = [sorted(actual), sorted(expected)];
  expect(
    have.map(([id]) => id),
    `keys of ${what}`,
  ).toEqual(want.map(([id]) => id));
  for (const [i, [id, row]] of have.entries()) expect(row, `${what} ${id}`).toStrictEqual(want[i]?.[1]);
}

interface Known {
  readonly rates: Rates;
  readonly unlike: readonly string[];
}

async function expectTopic(log: EventLog, expected: Expected, { rates, unlike }: Known): Promise<void> {
  const byKey: Record<string, unknown[]> = {};
  for (const { key, payload, properties } of await readTopicOnce(log, RATE_LIMIT_ALERTS.name)) {
    const event = JSON.parse(payload.toString('utf8')) as OracleRow;
    // The oracle knows thresholds and categories; forecasts are judged against the truth (test/simulator/foresight).
    const type = event['event_type'];
    if (typeof type === 'string' && type.startsWith('Forecast')) continue;
    expect(properties).toEqual({
      event_id: event['event_id'],
      event_type: event['event_type'],
      severity: event['severity'] ?? '',
      category: event['psp_category'] ?? '',
      schema_version: String(versionOf(event)),
    });
    const at = Date.parse(textOf(event['timestamp']));
    (byKey[key] ??= []).push(withoutRate(event, at, rates, unlike));
  }
  expect(Object.keys(byKey).sort(), 'keys of the alert topic').toEqual(Object.keys(expected.topic).sort());
  for (const [key, events] of Object.entries(byKey)) {
    expect(events, `alert topic, ${key}`).toStrictEqual(expected.topic[key]);
  }
}
