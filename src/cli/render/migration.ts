/** What a migration did, as text and as JSON. */
import type { Growth } from '../../operate/growTopic.ts';
import type { Migration } from '../../operate/migrate.ts';

export const migrationJson = ({ applied, description, logDescription, notices, growth }: Migration) => ({
  ...{ applied, up_to_date: applied.length === 0, database: description, event_log: logDescription, notices },
  ...(growth === null ? {} : { partitions: growth }),
});

export const migrationText = ({ applied, description, logDescription, notices, growth }: Migration): string[] => [
  `${description}; event log ${logDescription}: ${applied.length === 0 ? 'up to date' : `applied ${applied.length} migrations`}`,
  ...applied.map((name) => `  ${name}`),
  ...notices.map((text) => `notice: ${text}`),
  ...(growth === null ? [] : [growthText(growth)]),
];

const growthText = ({ topic, before, after }: Growth): string =>
  before === after
    ? `${topic} has ${after} partitions already`
    : `${topic} has ${after} partitions now, before ${before}: start the pollers again`;
