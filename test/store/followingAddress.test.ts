import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import { emptyDatabase } from '../support/database.ts';
import { deadProxy } from '../support/deadProxy.ts';
import { eventually } from '../support/eventually.ts';

const { url } = await emptyDatabase();

describe('a database whose address changes', () => {
  it('is asked for when a connection is made, by pool and session alike', async () => {
    const [first, second] = [await deadProxy(url), await deadProxy(url)];
    let address = first.through(url);
    const database = openDatabase({ url: () => address, poolSize: 2 });
    try {
      expect(await database.query('select 1 as n')).toEqual([{ n: 1 }]);
      await first.kill();
      address = second.through(url);
      await eventually('the new address', async () =>
        database.query('select 2 as n').then(
          () => true,
          () => false,
        ),
      );
      const session = await database.session();
      expect(await session.query('select 3 as n')).toEqual([{ n: 3 }]);
      await session.close();
    } finally {
      await database.close();
      await second.kill();
    }
  });
});
