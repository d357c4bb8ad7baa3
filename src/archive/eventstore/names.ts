/**
 * Names of the streams in EventStoreDB. What stands before the first dash is the category by which its projections and
 * persistent subscriptions group streams: one category per topic.
 */
const category = (topic: string): string => `balde_${topic.replaceAll('-', '_')}`;

/** `balde_policy_states-12345678:ENTRIES_READ`: the events of one key, participant:policy. */
export const streamOf = (topic: string, key: string): string => `${category(topic)}-${key}`;

/** Messages that are no events; their keys may be anything. */
export const undecodableStreamOf = (topic: string, partition: number): string =>
  `${category(topic)}-undecodable-${partition}`;

/** `balde_archive-policy-states`: how far the topic is archived. */
export const checkpointStreamOf = (topic: string): string => `balde_archive-${topic}`;

/** Begin the names of all streams of a topic, and perhaps of others. */
export const prefixesOf = (topic: string): readonly string[] => [`${category(topic)}-`, checkpointStreamOf(topic)];
