/** Emmett's event store, filled by COPY into its own tables: quicker than its append, and not measured. */
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import type { Event } from '@event-driven-io/emmett';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import type { Database } from '../../src/store/database.ts';
import { pollAt } from '../common.ts';

/** An observation as an event of Emmett: the type's name stands outside the data. */
export type Observed = Event<'PolicyStateObserved', Omit<PolicyStateObserved, 'type'>>;

const toObserved = ({ type, ...data }: PolicyStateObserved): Observed => ({ type, data });

/** Polls per transaction, and so per `transaction_id` of Emmett's order. */
const POLLS_PER_COPY = 200;

/** Creates Emmett's tables with its own migrations. */
export async function createStore(url: string): Promise<void> {
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  await store.close();
}

/** Stores the observations of so many polls as Emmett's append would: one stream per bucket, in order of the polls. */
export async function fillStore(database: Database, polls: number): Promise<void> {
  for (let n = 0; n < polls; n += POLLS_PER_COPY) {
    const some = Array.from({ length: Math.min(POLLS_PER_COPY, polls - n) }, (_, i) => n + i);
    await database.transaction(async (tx) => {
      const [row] = await tx.query<{ id: string }>('select pg_current_xact_id()::text as id');
      await tx.copy(
        `copy emt_messages (stream_id, stream_position, transaction_id, message_id, message_schema_version,
           message_type, message_data, message_metadata) from stdin`,
        some.map((poll) => messagesOf(poll, row?.id ?? '')),
      );
    });
  }
  await database.execute(
    `insert into emt_streams (stream_id, stream_position, stream_type, stream_metadata)
     select stream_id, max(stream_position), 'PolicyBucket', '{}' from emt_messages group by stream_id`,
  );
  // What autovacuum would have done on a store of some age: plans and visibility are at their best.
  await database.execute('vacuum (analyze) emt_messages');
}

/** The messages of one poll in the text format of COPY. */
function messagesOf(poll: number, transactionId: string): string {
  const lines = pollAt(poll).map((event) => {
    const { type, data } = toObserved(event);
    const fields = [`PolicyBucket-${event.participant}:${event.policy}`, poll + 1, transactionId, event.eventId];
    // JSON has no tab or line break of its own; a backslash is doubled for COPY.
    return [...fields, 1, type, JSON.stringify(data).replaceAll('\\', '\\\\'), '{}'].join('\t');
  });
  return `${lines.join('\n')}\n`;
}
