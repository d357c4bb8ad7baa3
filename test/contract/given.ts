/** What a backend brings along for the event log contract suite. */
import type { EventLog } from '../../src/log/eventLog.ts';

/** Where backends may differ. A case that needs what a backend does not promise is skipped for it. */
export interface LogFeatures {
  /** Positions of a partition are consecutive numbers. */
  readonly gaplessPositions: boolean;
  /** Of one send (up to 5,000 messages) everything is stored or nothing, in one partition or several. */
  readonly atomicSend: boolean;
  /** The suite may cut the backend off in the middle: {@link OpenLog.restart}. */
  readonly restartable: boolean;
  /** `trim` forgets at once what it may forget. */
  readonly trimsAtOnce: boolean;
  /** Several shared producers of one name may be connected at once. */
  readonly sharedNames: boolean;
  /** The suite may end one process without a goodbye: {@link OpenLog.kill}. */
  readonly killable: boolean;
}

export interface OpenLog {
  readonly log: EventLog;
  /** The same log as another process sees it: connections and handles of its own. */
  readonly secondProcess: () => Promise<EventLog>;
  /** Breaks every connection at once; the backend is back a moment later. */
  readonly restart?: () => Promise<void>;
  /** Ends a process made by `secondProcess` as SIGKILL does: nothing is closed, and it never comes back. */
  readonly kill?: (process: EventLog) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface Suite {
  readonly features: LogFeatures;
  /** Opened once for all cases. */
  readonly opened: () => OpenLog;
}
