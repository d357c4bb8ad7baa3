/** How many messages lie after a place. The broker counts entries only, and an entry may be a batch. */
import type { Ends } from './ends.ts';
import type { MessagePlace } from './position.ts';
import type { PulsarTopics } from './topics.ts';

/** Entries looked into: so few are counted exactly, of more the number of messages is estimated. */
const LOOKED_INTO = 8;

/** @param place `null` for everything there is */
export async function messagesBehind(
  { topics, ends }: { readonly topics: PulsarTopics; readonly ends: Ends },
  { topic, partition }: { readonly topic: string; readonly partition: number },
  place: MessagePlace | null,
): Promise<number> {
  const end = await ends.of(topic, partition);
  if (end === null) return 0;
  const layout = await topics.layout(topic, partition);
  const size = async (entry: MessagePlace): Promise<number> => {
    const { batchSize, delivered } = await topics.entry(topic, partition, entry);
    return delivered === 'never' ? 0 : (batchSize ?? 1);
  };
  const restOfBatch = place === null || place.batch < 0 ? 0 : (await size(place)) - place.batch - 1;
  // Behind the end there may be entries that nobody is given.
  const entries = Math.max(0, layout.behind(place) - layout.behind(end));
  const looks = Math.min(entries, LOOKED_INTO);
  const places = Array.from({ length: looks }, (_, i) => layout.nth(Math.floor((i * entries) / looks), place));
  const sizes = await Promise.all(places.map(async (entry) => (entry === undefined ? 1 : await size(entry))));
  const messages = sizes.reduce((sum, n) => sum + n, 0);
  return restOfBatch + (looks === 0 ? 0 : Math.round((messages * entries) / looks));
}
