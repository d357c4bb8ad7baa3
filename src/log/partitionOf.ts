/**
 * FNV-1a, 32 bits, over UTF-8 (draft-eastlake-fnv), modulo the partitions. Fixed for ever: it places the keys.
 *
 * What is hashed is the key up to its first colon: `participant:policy` goes where all buckets of the participant go,
 * so that a poll is one entry of one partition (docs/decisions/0015).
 */
export function partitionOf(key: string, partitions: number): number {
  const [group = ''] = key.split(':', 1);
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(group, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % partitions;
}
