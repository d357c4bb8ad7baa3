/** The event log under the workers: what they are told of it, and the same one for the test to look at. */
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { Database } from '../../src/store/database.ts';

/** Settings of a worker: names and values of its environment. */
export type Settings = Readonly<Record<string, string>>;

export interface Backend {
  /** Settings by which a worker finds the log. */
  readonly settings: Settings;
  open(database: Database): EventLog;
  /** Removes what a run left in it. */
  remove(): Promise<void>;
}

/** In the workers' own database: it goes with that. */
export const EMBEDDED: Backend = {
  settings: {},
  open: (database) => new EmbeddedLog(database),
  remove: async () => Promise.resolve(),
};
