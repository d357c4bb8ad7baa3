/** One way to write names in everything that machines read: `response_time`, as in the views and the events. */

export const snakeCase = (name: string): string => name.replace(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase();

/** The same object with its own keys in snake case; nested keys stay, since they may be names from elsewhere. */
export const withSnakeKeys = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [snakeCase(name), value as unknown]));
