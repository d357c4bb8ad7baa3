/**
 * The careful half of a rebuild: from where the filling ended to where the log ends, on the path that live events take.
 */
import { projectionEffects } from '../consume/effects.ts';
import { silentObserver } from '../consume/observer.ts';
import { Processor } from '../consume/processor.ts';
import type { Projection } from '../domain/fold.ts';
import type { EventLog, LogMessage } from '../log/eventLog.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database } from '../store/database.ts';
import { logSource } from './logSource.ts';

export interface CatchUpOptions<E, S, T extends string> {
  readonly database: Database;
  readonly log: EventLog;
  readonly projection: Projection<E, S, T>;
  readonly build: FoldId;
  readonly decode: (message: LogMessage) => E | null;
  readonly signal: AbortSignal;
}

/** Brings a version to where its topic ends now. Others may do the same at once. @returns messages read */
export async function catchUp<E, S, T extends string>(options: CatchUpOptions<E, S, T>): Promise<number> {
  const { database, log, projection, build, decode, signal } = options;
  const fold = { ...projection, version: build.version };
  const processor = new Processor({
    database,
    fold,
    decode,
    effects: projectionEffects(database, fold),
    // A rebuild counts what it does itself.
    observer: silentObserver,
    // The live processors have set aside what can't be used.
    sendsLetters: false,
  });
  const source = logSource(log, 'the log');
  let read = 0;
  for (let again = true; again;) {
    again = false;
    const after = new Map<number, string | null>();
    for (let p = 0; p < (await log.partitions(projection.topic)); p += 1) after.set(p, await processor.resume(p));
    for await (const messages of source.read({ topic: projection.topic, after, signal })) {
      read += messages.length;
      // Someone else brought it further: from there.
      again = (await processor.process(messages)) === 'conflict';
      if (again) break;
    }
    signal.throwIfAborted();
  }
  return read;
}
