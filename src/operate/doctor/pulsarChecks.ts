/** Checks of Pulsar: the client, the broker, its REST interface, the topics and who reads them. */
import { isLogError } from '../../log/eventLog.ts';
import type { TopicSpec } from '../../log/eventLog.ts';
import { checkCredentials } from '../../log/pulsar/credentials.ts';
import { Inspector } from '../../log/pulsar/brokerState.ts';
import type { TopicState } from '../../log/pulsar/brokerState.ts';
import { connectionProblemOf } from '../../log/pulsar/connectionProblem.ts';
import type { ConnectionProblem } from '../../log/pulsar/connectionProblem.ts';
import { loadPulsar } from '../../log/pulsar/native.ts';
import { findProblem } from '../../log/pulsar/diagnose.ts';
import { topicUrl } from '../../log/pulsar/settings.ts';
import type { PulsarSettings } from '../../log/pulsar/settings.ts';
import { FOLDS, TOPICS } from '../../topology/folds.ts';
import { historyDays } from '../../app/openLog.ts';
import { numberText } from '../../format.ts';
import { fail, ok, warn } from './finding.ts';
import { messageOf } from '../../errors.ts';
import type { Finding } from './finding.ts';

const CLIENT = 'Pulsar client';
const BROKER = 'Pulsar broker';
const REST = 'Pulsar REST';

export async function checkPulsar(settings: PulsarSettings, retentionMonths: number): Promise<Finding[]> {
  const files = checkFiles(settings);
  if (files !== null) return [checkClient(), files];
  return [checkClient(), await checkBroker(settings), ...(await checkThroughRest(settings, retentionMonths))];
}

function checkClient(): Finding {
  try {
    loadPulsar();
    return ok(CLIENT, 'its native addon loads');
  } catch (error) {
    return fail(CLIENT, messageOf(error), 'Run npm run pulsar:binding.');
  }
}

/** `null`: they are what they should be. */
function checkFiles(settings: PulsarSettings): Finding | null {
  try {
    checkCredentials(settings);
    return null;
  } catch (error) {
    return fail(BROKER, messageOf(error), 'Correct the files that the settings name.');
  }
}

async function checkBroker(settings: PulsarSettings): Promise<Finding> {
  const { serviceUrl, token, tls } = settings;
  const problem = await findProblem(settings);
  if (problem !== null) return inConnecting(BROKER, problem);
  const how = token !== null ? 'a token' : tls.certFile === undefined ? 'nothing' : 'a certificate';
  return ok(BROKER, `${serviceUrl} takes the connection, authenticated by ${how}`);
}

const inConnecting = (check: string, { what, remedy }: Pick<ConnectionProblem, 'what' | 'remedy'>): Finding =>
  fail(check, what, remedy === null ? 'See the log of the broker.' : sentence(remedy));

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

async function checkThroughRest(settings: PulsarSettings, retentionMonths: number): Promise<Finding[]> {
  const inspector = new Inspector(settings);
  try {
    const rest = ok(REST, `${settings.adminUrl} answers, Pulsar ${await inspector.version()}`);
    const states = new Map<string, TopicState>();
    const findings: Finding[] = [];
    for (const spec of TOPICS) {
      const state = await inspector.topic(spec.name);
      if (state !== null) states.set(spec.name, state);
      findings.push(await checkTopic({ settings, inspector, spec, state, retentionMonths }));
    }
    return [rest, ...findings, ...FOLDS.map((fold) => checkProcessor(fold, states.get(fold.topic)))];
  } catch (error) {
    if (!isLogError(error)) throw error;
    return [inConnecting(REST, connectionProblemOf(error) ?? { what: error.message, remedy: null })];
  } finally {
    inspector.close();
  }
}

interface TopicCheck {
  readonly settings: PulsarSettings;
  readonly inspector: Inspector;
  readonly spec: TopicSpec;
  readonly state: TopicState | null;
  readonly retentionMonths: number;
}

async function checkTopic(given: TopicCheck): Promise<Finding> {
  const { spec, state, settings } = given;
  const check = `topic ${spec.name}`;
  const url = topicUrl(settings, spec.name);
  if (state === null) return fail(check, `${url} does not exist`, 'Run balde migrate.');
  const { partitions, notDeduplicated } = state;
  if (partitions < spec.partitions) {
    const remedy = `pulsar-admin topics update-partitioned-topic ${url} --partitions ${spec.partitions}`;
    return fail(check, `it has ${partitions} partitions of the ${spec.partitions} at least`, remedy);
  }
  if (notDeduplicated.length > 0) {
    const detail = `deduplication is off in partition ${notDeduplicated.join(', ')}: what is sent twice is stored twice`;
    const remedy = `Run balde migrate, or: pulsar-admin topicPolicies set-deduplication ${url} --enable`;
    return fail(check, detail, remedy);
  }
  return (await checkSchema(check, given, state)) ?? checkRetention(check, given, state);
}

/** `null`: as it should be. */
async function checkSchema(check: string, given: TopicCheck, state: TopicState): Promise<Finding | null> {
  const { inspector, spec } = given;
  const { kind, definition } = spec.schema;
  if (kind === 'bytes') return null;
  if (state.schema === null) return warn(check, 'its schema is not registered', 'Run balde migrate.');
  const type = kind.toUpperCase();
  if (state.schema.type === type && isSameJson(state.schema.definition, definition)) return null;
  const compatible = await inspector.isCompatible(spec.name, type, definition);
  if (compatible === true) return null;
  const detail = `the schema registered (${state.schema.type}) differs from the one of this version`;
  return compatible === null
    ? warn(
        check,
        `${detail}; whether they are compatible this role may not ask`,
        'Run balde migrate: it fails if they are not.',
      )
    : fail(
        check,
        `${detail}, and they are not compatible`,
        'Run the version of Balde that made the topic, or set PULSAR_NAMESPACE to one without it.',
      );
}

function isSameJson(one: string, other: string): boolean {
  try {
    return JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other));
  } catch {
    return false;
  }
}

const DAY_MINUTES = 1_440;

function checkRetention(check: string, given: TopicCheck, state: TopicState): Finding {
  const { settings, spec, retentionMonths } = given;
  const { partitions, retentionMinutes: minutes } = state;
  const good = `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}, deduplication on${spec.schema.kind === 'bytes' ? '' : ', schema registered'}`;
  if (minutes === null) return ok(check, `${good}; how long messages are kept this role may not know`);
  const isBounded = spec.keep === 'day' || spec.keep === 'history';
  const days = spec.keep === 'day' ? 1 : historyDays(retentionMonths);
  const isEnough = minutes === -1 || (isBounded && minutes >= days * DAY_MINUTES);
  const kept = minutes === -1 ? 'for ever' : `${Math.round(minutes / DAY_MINUTES)} days`;
  if (spec.keep === 'day' && minutes !== DAY_MINUTES) return keptTooLong(check, given, kept);
  if (isEnough) return ok(check, `${good}, messages kept ${kept}`);
  const time = isBounded ? `${days}d` : '-1';
  return warn(
    check,
    `messages that were read are kept ${kept}: too short to rebuild a read model, and a processor that was away may miss some`,
    `Run balde migrate, or: pulsar-admin topicPolicies set-retention ${topicUrl(settings, spec.name)} --time ${time} --size -1`,
  );
}

/** Or too short. */
const keptTooLong = (check: string, { settings, spec }: TopicCheck, kept: string): Finding =>
  warn(
    check,
    `messages about payers are kept ${kept}: a day is enough for their buckets`,
    `Run balde migrate, or: pulsar-admin topicPolicies set-retention ${topicUrl(settings, spec.name)} --time 1d --size -1`,
  );

function checkProcessor(fold: (typeof FOLDS)[number], topic: TopicState | undefined): Finding {
  const check = `processor ${fold.name}`;
  const found = subscriptionOf(fold.name, topic);
  if (found === null)
    return warn(
      check,
      `${fold.topic} has no subscription of ${fold.name} yet`,
      `Start a process with role ${fold.name}.`,
    );
  const { name, backlog, consumers } = found;
  // The newest message of each partition stays unacknowledged, see docs/pulsar.md.
  const detail = `subscription ${name}: ${numberText(backlog)} not acknowledged; the newest of each partition stays so`;
  return consumers > 0
    ? ok(check, detail)
    : warn(check, `${detail}; nobody is connected`, `Start a process with role ${fold.name}.`);
}

/** Each version of a fold has its own: the newest that somebody reads, else the newest. */
function subscriptionOf(fold: string, topic: TopicState | undefined) {
  const all = [...(topic?.subscriptions ?? [])].flatMap(([name, { backlog, consumers }]) => {
    const [, version] = /^(?:.+)-v(\d+)$/.exec(name) ?? [];
    return name === `${fold}-v${version ?? ''}` ? [{ name, version: Number(version), backlog, consumers }] : [];
  });
  const newest = all.sort((a, b) => b.version - a.version);
  return newest.find(({ consumers }) => consumers > 0) ?? newest[0] ?? null;
}
