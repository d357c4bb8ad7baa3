/** A database whose connection breaks at each statement in turn: once before it gets there, once after it was done. */
import type { Database, Parameter, Session, Sql } from '../../src/store/database.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';

export interface Flaky {
  readonly database: Database;
  /** Statements that were cut, each as often as it was. */
  readonly cuts: ReadonlyMap<string, number>;
}

/** @param which statements are cut; all of them by default */
export function flaky(real: Database, which: (statement: string) => boolean = () => true): Flaky {
  const cuts = new Map<string, number>();
  const cut = async <R>(statement: string, run: () => Promise<R>): Promise<R> => {
    const times = cuts.get(statement) ?? 0;
    if (!which(statement) || times === 2) return await run();
    cuts.set(statement, times + 1);
    if (times === 1) await run();
    throw new DatabaseUnavailableError(`the connection broke ${times === 0 ? 'before' : 'after'}: ${statement}`);
  };
  const sql = (on: Sql): Sql => ({
    query: async <R extends object>(text: string, parameters?: readonly Parameter[], name?: string) =>
      await cut(text, async () => await on.query<R>(text, parameters, name)),
    execute: async (text, parameters) => await cut(text, async () => await on.execute(text, parameters)),
    copy: async (statement, chunks) => await cut(statement, async () => await on.copy(statement, chunks)),
  });
  const database: Database = {
    ...sql(real),
    transaction: async (work) => {
      // Told apart by what they did.
      const statements: string[] = [];
      const told = (through: Sql): Sql => ({
        ...through,
        query: async <R extends object>(text: string, parameters?: readonly Parameter[], name?: string) => {
          statements.push(text);
          return await through.query<R>(text, parameters, name);
        },
        execute: async (text, parameters) => {
          statements.push(text);
          return await through.execute(text, parameters);
        },
      });
      const commit = (): string => `commit of ${statements.join('; ')}`;
      const breaks = (times: number): void => {
        if (!which(commit()) || (cuts.get(commit()) ?? 0) !== times) return;
        cuts.set(commit(), times + 1);
        throw new DatabaseUnavailableError(`the connection broke at the ${commit()}`);
      };
      const result = await real.transaction(async (tx) => {
        const done = await work(told(sql(tx)));
        breaks(0);
        return done;
      });
      breaks(1);
      return result;
    },
    session: async (): Promise<Session> => {
      const session = await real.session();
      const through = sql(session);
      const fail = async <R>(run: () => Promise<R>): Promise<R> => {
        try {
          return await run();
        } catch (error) {
          // What broke is gone, and with it its locks.
          await session.close();
          throw error;
        }
      };
      return {
        query: async <R extends object>(text: string, parameters?: readonly Parameter[]) =>
          await fail(async () => await through.query<R>(text, parameters)),
        execute: async (text, parameters) => await fail(async () => await through.execute(text, parameters)),
        copy: async (statement, chunks) => await through.copy(statement, chunks),
        onNotification: (handler) => session.onNotification(handler),
        onEnd: (handler) => session.onEnd(handler),
        close: async () => await session.close(),
      };
    },
    close: async () => await real.close(),
  };
  return { database, cuts };
}
