/** Starts a filling in a thread of its own, as the command does. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../packageRoot.ts';
import type { DatabaseOptions } from '../store/database.ts';
import type { RebuildableName } from '../topology/folds.ts';
import type { FillOptions } from './fill.ts';
import { FillThread } from './fillThread.ts';

type AnyFillOptions = FillOptions<unknown, unknown, string>;

/** What the thread of a filling is told: all of it can be cloned. */
export interface FillOrder extends Pick<
  AnyFillOptions,
  'build' | 'older' | 'beginnings' | 'partitions' | 'until' | 'rate'
> {
  readonly database: DatabaseOptions;
  readonly what: RebuildableName;
  readonly inTurn: boolean;
}

const FILL_PROGRAM = pathToFileURL(join(packageRoot, 'dist', 'src', 'rebuild', 'fillWorker.js'));

/** @param program the compiled `fillWorker.ts` */
export const fillInThread =
  (what: RebuildableName, database: DatabaseOptions, program = FILL_PROGRAM) =>
  ({ build, older, beginnings, partitions, until, rate, ...given }: AnyFillOptions): FillThread => {
    const { inTurn } = given.source;
    const order: FillOrder = { database, what, inTurn, build, older, beginnings, partitions, until, rate };
    return new FillThread(given, program, order);
  };
