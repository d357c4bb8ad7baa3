/** Topics of the embedded log: creation and look-up. */
import type { Database } from '../../store/database.ts';
import { LogError } from '../eventLog.ts';
import type { TopicSpec } from '../eventLog.ts';

export interface EmbeddedTopic {
  readonly id: number;
  readonly name: string;
  readonly partitions: number;
}

export class EmbeddedTopics {
  readonly #database: Database;
  readonly #known = new Map<string, EmbeddedTopic>();

  constructor(database: Database) {
    this.#database = database;
  }

  async ensure(spec: TopicSpec): Promise<void> {
    await this.#database.transaction(async (tx) => {
      const inserted = await tx.query<{ id: number }>(
        `insert into balde_log.topic (name, partitions, schema_kind, schema_definition)
         values ($1, $2, $3, $4) on conflict (name) do nothing returning id`,
        [spec.name, spec.partitions, spec.schema.kind, spec.schema.definition],
      );
      const [created] = inserted;
      if (created === undefined) return;
      await tx.execute(`insert into balde_log.partition (topic_id, partition) select $1, generate_series(0, $2 - 1)`, [
        created.id,
        spec.partitions,
      ]);
    });
    const topic = await this.get(spec.name);
    if (topic.partitions < spec.partitions) {
      throw new LogError(
        `topic ${spec.name} has ${topic.partitions} partitions, not ${spec.partitions}: the embedded log fixes the number when the topic is created`,
      );
    }
  }

  /** @throws {LogError} there is no such topic */
  async get(name: string): Promise<EmbeddedTopic> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const [row] = await this.#database.query<{ id: number; partitions: number }>(
      `select id, partitions from balde_log.topic where name = $1`,
      [name],
    );
    if (row === undefined) throw new LogError(`topic ${name} does not exist: create it with ensureTopic first`);
    const topic = { id: row.id, name, partitions: row.partitions };
    this.#known.set(name, topic);
    return topic;
  }
}
