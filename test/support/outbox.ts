import type { Sql } from '../../src/store/database.ts';
import { outboxParts } from '../../src/store/outbox.ts';
import type { OutboxMessage } from '../../src/store/outbox.ts';
import { runParts } from '../../src/store/parts.ts';

/** Decides messages, without anything else. */
export const putIntoOutbox = async (sql: Sql, messages: readonly OutboxMessage[]): Promise<void> =>
  await runParts(sql, outboxParts(messages));
