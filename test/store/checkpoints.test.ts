import { describe, expect, it } from 'vitest';
import { loadCheckpoints, moveCheckpoints } from '../../src/store/checkpoints.ts';
import { CheckpointConflictError } from '../../src/store/errors.ts';
import { migrate } from '../../src/store/migrate.ts';
import { runParts } from '../../src/store/parts.ts';
import { emptyDatabase } from '../support/database.ts';

const { url, database } = await emptyDatabase();
await migrate(url);

let version = 0;
/** A fold of its own for each case, with its three partitions loaded. */
async function newFold() {
  const fold = { name: 'fold', version: ++version };
  const move = async (expected: Record<number, string | null>, next: Record<number, string>) =>
    await runParts(database, [moveCheckpoints(fold, positions(expected), positions(next))]);
  const load = async () => Object.fromEntries(await loadCheckpoints(database, fold, 3));
  expect(await load()).toEqual({ 0: null, 1: null, 2: null });
  return { fold, move, load };
}

const positions = <T>(byPartition: Record<number, T>): Map<number, T> =>
  new Map(Object.entries(byPartition).map(([partition, position]) => [Number(partition), position]));

describe('a checkpoint [FOLD-3]', () => {
  it('moves from the position that is expected', async () => {
    const { move, load } = await newFold();
    await move({ 0: null, 1: null, 2: null }, { 1: '0005' });
    await move({ 0: null, 1: '0005' }, { 0: '0001', 1: '0009' });
    expect(await load()).toEqual({ 0: '0001', 1: '0009', 2: null });
  });

  it.each([
    ['nothing is there yet and something was expected', { 0: '0001' }],
    ['something is there and nothing was expected', { 1: null }],
    ['another position is there', { 1: '0004' }],
    ['a later position is there', { 1: '0003' }],
  ])('does not move when %s', async (_, expected) => {
    const { move, load } = await newFold();
    await move({ 1: null }, { 1: '0005' });
    const next = Object.fromEntries(Object.keys(expected).map((partition) => [partition, '0009']));
    await expect(move(expected, next)).rejects.toThrow(CheckpointConflictError);
    expect(await load()).toEqual({ 0: null, 1: '0005', 2: null });
  });

  it('moves with those of the other partitions, or none does', async () => {
    const { move, load } = await newFold();
    await move({ 2: null }, { 2: '0001' });
    await expect(move({ 0: null, 1: null, 2: null }, { 0: '0002', 1: '0002', 2: '0002' })).rejects.toThrow(
      CheckpointConflictError,
    );
    expect(await load()).toEqual({ 0: null, 1: null, 2: '0001' });
  });

  it('does not move when it was never loaded', async () => {
    const { move } = await newFold();
    await expect(move({ 7: null }, { 7: '0001' })).rejects.toThrow(CheckpointConflictError);
  });

  it('is moved by one of many that try at once, whatever the order of their partitions', async () => {
    const { fold, load } = await newFold();
    const tries = Array.from({ length: 8 }, async (_, i) => {
      const order = i % 2 === 0 ? [0, 1, 2] : [2, 1, 0];
      const next = new Map(order.map((partition) => [partition, `000${i}`]));
      await runParts(database, [moveCheckpoints(fold, new Map(), next)]);
    });
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(CheckpointConflictError);
    }
    expect(new Set(Object.values(await load())).size).toBe(1);
  });

  it('belongs to one version of a fold', async () => {
    const [a, b] = [await newFold(), await newFold()];
    await a.move({ 0: null }, { 0: '0001' });
    expect(await b.load()).toEqual({ 0: null, 1: null, 2: null });
  });

  it('compares positions by their bytes, as the log does', async () => {
    const { move, load } = await newFold();
    await move({ 0: null }, { 0: 'a-10' });
    await move({ 0: 'a-10' }, { 0: 'B-2' });
    expect((await load())[0]).toBe('B-2');
  });
});
