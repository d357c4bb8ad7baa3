/** Makes the topics of the namespace what Balde needs, through the REST interface. */
import { setTimeout as delay } from 'node:timers/promises';
import { required } from '../../required.ts';
import { LogError, LogUnavailableError } from '../eventLog.ts';
import type { TopicSpec } from '../eventLog.ts';
import { AdminDeniedError, reasonOf } from './admin.ts';
import type { AdminClient } from './admin.ts';
import type { PulsarSettings } from './settings.ts';
import { topicUrl } from './settings.ts';
import { topicPath } from './topics.ts';
import type { PulsarTopics } from './topics.ts';

/** What has to be done needs an administrator: these commands. */
export class AdministratorNeededError extends LogError {
  override readonly name = 'AdministratorNeededError';
  readonly commands: readonly string[];

  constructor(message: string, commands: readonly string[], options?: ErrorOptions) {
    super(`${message}. An administrator must run:\n${commands.map((line) => `  ${line}`).join('\n')}`, options);
    this.commands = commands;
  }
}

interface Retention {
  readonly retentionTimeInMinutes: number;
  readonly retentionSizeInMB: number;
}

interface Inactive {
  readonly deleteWhileInactive: boolean;
}

const KEPT_WHILE_INACTIVE = {
  deleteWhileInactive: false,
  inactiveTopicDeleteMode: 'delete_when_no_subscriptions',
  maxInactiveDurationSeconds: 60,
};
const FOREVER = -1;
const retention = (minutes: number): Retention => ({
  retentionTimeInMinutes: minutes,
  retentionSizeInMB: FOREVER,
});
const DAY_MINUTES = 1_440;
/** Topic policies travel through a topic of their own: they apply a moment after they were set. */
const POLICY_PATIENCE_MS = 20_000;

export class TopicSetup {
  readonly #admin: AdminClient;
  readonly #settings: PulsarSettings;
  readonly #topics: PulsarTopics;
  readonly #historyDays: number;

  constructor(admin: AdminClient, settings: PulsarSettings, topics: PulsarTopics, historyDays: number) {
    this.#admin = admin;
    this.#settings = settings;
    this.#topics = topics;
    this.#historyDays = historyDays;
  }

  /** @throws {AdministratorNeededError} something is missing and the role may not make it */
  async ensure(spec: TopicSpec): Promise<void> {
    try {
      if ((await this.#topics.existing(spec.name)) === null) await this.#create(spec);
      await this.#setPolicies(spec);
      await this.#registerSchema(spec);
    } catch (error) {
      if (!(error instanceof AdminDeniedError)) throw error;
      if (await this.#isComplete(spec)) {
        // Nothing else is left. Whoever may produce may do it; for whoever only consumes, a producer does.
        await this.#registerSchema(spec).catch((denied: unknown) => {
          if (!(denied instanceof AdminDeniedError)) throw denied;
        });
        return;
      }
      throw new AdministratorNeededError(
        `topic ${topicUrl(this.#settings, spec.name)} can't be made or set up with this role (${error.message})`,
        this.#commands(spec),
        { cause: error },
      );
    }
  }

  /** @throws {LogError} fewer than there are: partitions can't be taken away */
  async grow(topic: string, partitions: number): Promise<void> {
    const now = await this.#topics.refreshPartitions(topic);
    if (partitions < now) throw new LogError(`topic ${topic} has ${now} partitions, and Pulsar takes none away`);
    if (partitions > now) {
      await this.#addPartitions(topic, partitions);
      await this.#topics.refreshPartitions(topic);
    }
  }

  async #addPartitions(topic: string, partitions: number): Promise<void> {
    try {
      await this.#admin.request('POST', `${topicPath(this.#settings, topic)}/partitions`, partitions);
    } catch (error) {
      if (!(error instanceof AdminDeniedError)) throw error;
      const url = topicUrl(this.#settings, topic);
      throw new AdministratorNeededError(
        `partitions can't be added with this role (${error.message})`,
        [`pulsar-admin topics update-partitioned-topic ${url} --partitions ${partitions}`],
        { cause: error },
      );
    }
  }

  /** 409 everywhere means that another process was faster. */
  async #create(spec: TopicSpec): Promise<void> {
    const { tenant, namespace } = this.#settings;
    const created = await this.#admin.request(
      'PUT',
      `${topicPath(this.#settings, spec.name)}/partitions`,
      spec.partitions,
    );
    if (created.status === 404) {
      if ((await this.#admin.request('GET', `tenants/${tenant}`)).status === 404) {
        const clusters = required(await this.#admin.get<string[]>('clusters'), 'every instance lists its clusters');
        await this.#admin.request('PUT', `tenants/${tenant}`, { allowedClusters: clusters });
      }
      await this.#createNamespace(`namespaces/${tenant}/${namespace}`);
      await this.#admin.request('PUT', `${topicPath(this.#settings, spec.name)}/partitions`, spec.partitions);
    }
    if ((await this.#topics.existing(spec.name)) === null) {
      throw new LogError(
        `topic ${topicUrl(this.#settings, spec.name)} exists without partitions: Balde needs a partitioned topic, so remove it or set PULSAR_NAMESPACE`,
      );
    }
  }

  /**
   * A namespace of Balde's own gets what most of its topics need: brokers before the fix of apache/pulsar#25954 may let
   * a repeated message through while they load a topic with policies of its own (docs/decisions/0032).
   */
  async #createNamespace(path: string): Promise<void> {
    const { status } = await this.#admin.request('PUT', path);
    if (status === 409) return;
    await this.#admin.request('POST', `${path}/deduplication`, true);
    await this.#admin.request('POST', `${path}/retention`, retention(FOREVER));
    // Retention does not keep the broker from deleting an empty topic that nobody used for a minute.
    await this.#admin.request('POST', `${path}/inactiveTopicPolicies`, KEPT_WHILE_INACTIVE);
  }

  /**
   * By topic where the namespace was there before: it may hold topics of others, and deduplication harms producers that
   * batch.
   */
  async #setPolicies(spec: TopicSpec): Promise<void> {
    const path = topicPath(this.#settings, spec.name);
    if (!(await this.#isDeduplicated(spec.name)))
      await this.#admin.request('POST', `${path}/deduplicationEnabled`, true);
    const wanted = this.#retentionMinutes(spec);
    const applied = await this.#admin.get<Retention>(`${path}/retention?applied=true`);
    if (applied?.retentionTimeInMinutes !== wanted || applied.retentionSizeInMB !== FOREVER)
      await this.#admin.request('POST', `${path}/retention`, retention(wanted));
    const inactive = await this.#admin.get<Inactive>(`${path}/inactiveTopicPolicies?applied=true`);
    if (inactive?.deleteWhileInactive !== false)
      await this.#admin.request('POST', `${path}/inactiveTopicPolicies`, KEPT_WHILE_INACTIVE);
    await this.#untilDeduplicated(spec.name);
  }

  #retentionMinutes({ keep }: TopicSpec): number {
    if (keep === 'day') return DAY_MINUTES;
    return keep === 'history' ? this.#historyDays * DAY_MINUTES : FOREVER;
  }

  /** Before it works, a message sent twice would be stored twice. */
  async #untilDeduplicated(topic: string): Promise<void> {
    const until = performance.now() + POLICY_PATIENCE_MS;
    while (!(await this.#isDeduplicated(topic))) {
      if (performance.now() > until) {
        // A broker that is busy takes longer; one that can't ends a start that has waited long enough.
        throw new LogUnavailableError(
          `the broker did not enable deduplication on ${topic} within ${POLICY_PATIENCE_MS / 1_000} s: it needs topicLevelPoliciesEnabled`,
        );
      }
      await delay(100);
    }
  }

  /** As the partitions themselves tell it, whether by a policy of the topic, the namespace or the broker. */
  async #isDeduplicated(topic: string): Promise<boolean> {
    for (let partition = 0; partition < (await this.#topics.partitions(topic)); partition += 1) {
      const stats = await this.#admin.get<{ deduplicationStatus: string }>(
        `${topicPath(this.#settings, topic)}-partition-${partition}/stats`,
      );
      if (stats?.deduplicationStatus !== 'Enabled') return false;
    }
    return true;
  }

  async #registerSchema({ name, schema }: TopicSpec): Promise<void> {
    if (schema.kind === 'bytes') return;
    const body = { type: schema.kind.toUpperCase(), schema: schema.definition, properties: {} };
    const { tenant, namespace } = this.#settings;
    const reply = await this.#admin.request('POST', `schemas/${tenant}/${namespace}/${name}/schema`, body);
    if (reply.status === 409) {
      throw new LogError(
        `topic ${topicUrl(this.#settings, name)} has a schema that Balde's is not compatible with (${reasonOf(reply)}): run the version of Balde that registered it, or set PULSAR_NAMESPACE to a namespace without it`,
      );
    }
  }

  /** Without the right to change anything: whether there is nothing left to change. */
  async #isComplete(spec: TopicSpec): Promise<boolean> {
    try {
      return (await this.#topics.existing(spec.name)) !== null && (await this.#isDeduplicated(spec.name));
    } catch (error) {
      if (error instanceof AdminDeniedError) return false;
      throw error;
    }
  }

  #commands(spec: TopicSpec): string[] {
    const { tenant, namespace } = this.#settings;
    const url = topicUrl(this.#settings, spec.name);
    const minutes = this.#retentionMinutes(spec);
    const time = minutes === FOREVER ? '-1' : `${minutes / DAY_MINUTES}d`;
    return [
      `pulsar-admin tenants create ${tenant}`,
      `pulsar-admin namespaces create ${tenant}/${namespace}`,
      `pulsar-admin topics create-partitioned-topic ${url} --partitions ${spec.partitions}`,
      `pulsar-admin topicPolicies set-deduplication ${url} --enable`,
      `pulsar-admin topicPolicies set-retention ${url} --time ${time} --size -1`,
      `pulsar-admin topicPolicies set-inactive-topic-policies ${url} --disable-delete-while-inactive --max-inactive-duration 60s --delete-mode delete_when_no_subscriptions`,
      `pulsar-admin namespaces grant-permission ${tenant}/${namespace} --role <role of Balde> --actions produce,consume`,
    ];
  }
}
