/** What can be exported: each source gives its columns, and its records in batches with times as ISO strings. */
import { fieldNames } from '../codec/schemas.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../codec/topics.ts';
import type { Topic } from '../codec/topics.ts';
import type { EpochMs, PolicyStateObserved } from '../domain/events.ts';
import type { LogMessage } from '../log/eventLog.ts';
import { readTopic } from '../consume/readTopic.ts';
import type { Storage } from '../app/storage.ts';
import type { Row } from '../store/database.ts';
import { columnsOf, pages } from '../store/pages.ts';
import { iso } from '../format.ts';
import { snakeCase, withSnakeKeys } from '../snakeCase.ts';

export const EXPORTS = ['observations', 'alert-events', 'states', 'alerts'] as const;
export type ExportName = (typeof EXPORTS)[number];

export interface ExportContext {
  readonly storage: Storage;
  /** Included; milliseconds since 1970. */
  readonly from?: EpochMs | undefined;
  /** Excluded. */
  readonly to?: EpochMs | undefined;
  readonly onPoison: (message: LogMessage, reason: string) => void;
  readonly signal: AbortSignal;
}

export interface ExportSource {
  readonly columns: readonly string[];
  readonly batches: AsyncIterable<readonly Row[]>;
}

export async function openExport(name: ExportName, context: ExportContext): Promise<ExportSource> {
  switch (name) {
    case 'observations':
      return {
        columns: OBSERVATION_COLUMNS,
        batches: events(context, OBSERVATIONS, (event) => event.responseTime, observationRecord),
      };
    case 'alert-events':
      return {
        columns: ALERT_EVENT_COLUMNS,
        batches: events(context, RATE_LIMIT_ALERTS, (event) => event.timestamp, alertEventRecord),
      };
    case 'states':
      return await rows(context, 'dict_rate_limit_states', 'response_time', [
        'participant',
        'endpoint_id',
        'response_time',
      ]);
    case 'alerts':
      return await rows(context, 'dict_rate_limit_alerts', 'created_at', ['created_at', 'id']);
  }
}

/** Retirements are on the topic too: they are no observations. */
const OBSERVATIONS: Pick<Topic<PolicyStateObserved>, 'name' | 'decode'> = {
  name: POLICY_STATES.name,
  decode: (message) => {
    const event = POLICY_STATES.decode(message);
    return event?.type === 'PolicyStateObserved' ? event : null;
  },
};

/** Fields of the Avro schema, in its order and in snake case, and where the message lies. */
const OBSERVATION_COLUMNS = [...fieldNames('PolicyStateObserved', 1).map(snakeCase), 'partition', 'position'];

/** Fields of all three event types; those that an event lacks are left empty. */
const ALERT_EVENT_COLUMNS = [
  ...['event_id', 'event_type', 'timestamp', 'participant', 'endpoint_id', 'severity', 'available_tokens'],
  ...['capacity', 'utilization_percent', 'consumption_rate_per_minute', 'recovery_eta_seconds'],
  ...['exhaustion_projection_seconds', 'psp_category', 'previous_category', 'message', 'alert_id'],
  ...[
    'threshold_percent',
    'reason',
    'raised_at',
    'caused_by',
    'rule_version',
    'consumption_rate_low_per_minute',
    'partition',
    'position',
  ],
];

const place = ({ partition, position }: LogMessage) => ({ partition, position });

function observationRecord(event: PolicyStateObserved, message: LogMessage): Row {
  const { type: _type, ...fields } = event;
  return {
    ...withSnakeKeys(fields),
    response_time: iso(event.responseTime),
    observed_at: iso(event.observedAt),
    ...place(message),
  };
}

/** As it travels: the decoder has checked that it is JSON, and of which shape. */
const alertEventRecord = (_event: unknown, message: LogMessage): Row => ({
  ...(JSON.parse(message.payload.toString('utf8')) as Row),
  ...place(message),
});

async function* events<E>(
  { storage, from = -Infinity, to = Infinity, onPoison, signal }: ExportContext,
  topic: Pick<Topic<E>, 'name' | 'decode'>,
  timeOf: (event: E) => EpochMs,
  record: (event: E, message: LogMessage) => Row,
): AsyncGenerator<readonly Row[]> {
  for await (const batch of readTopic({ log: storage.log, topic, onPoison, signal })) {
    yield batch
      .filter(({ event }) => timeOf(event) >= from && timeOf(event) < to)
      .map(({ event, message }) => record(event, message));
  }
}

async function rows(
  { storage: { database }, from, to, signal }: ExportContext,
  relation: string,
  time: string,
  key: readonly string[],
): Promise<ExportSource> {
  const columns = await columnsOf(database, relation);
  const times = columns.filter(({ type }) => type === 'timestamp with time zone').map(({ name }) => name);
  const batches = async function* (): AsyncGenerator<readonly Row[]> {
    for await (const page of pages(database, { relation, key, time, from, to })) {
      signal.throwIfAborted();
      yield page.map((row) => withIsoTimes(row, times));
    }
  };
  return { columns: columns.map(({ name }) => name), batches: batches() };
}

/** The row with its times as ISO strings. */
function withIsoTimes(row: Row, times: readonly string[]): Row {
  const texts = times.map((name) => [name, iso((row[name] ?? null) as EpochMs | null)] as const);
  return { ...row, ...Object.fromEntries(texts) };
}
