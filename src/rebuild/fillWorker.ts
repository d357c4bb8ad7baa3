/** The thread that decodes, folds and writes for a rebuild: see fillThread.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { Filler } from './fill.ts';
import { fillForThread } from './fillThread.ts';
import { openDatabase } from '../store/database.ts';
import { foldOf } from '../topology/folds.ts';
import type { FillOrder } from './fillInThread.ts';

if (parentPort === null) throw new Error('this program is a thread of a rebuild, not one by itself');
const { database: options, what, inTurn, ...order } = workerData as FillOrder;
const database = openDatabase(options);
await fillForThread(parentPort, inTurn, (given) => new Filler({ ...order, ...foldOf(what), ...given, database }));
await database.close();
