/**
 * The contract of `src/log/eventLog.ts`, sentence by sentence, for any backend.
 *
 * A backend's own test file calls {@link eventLogContract} with how to open it and which features it declares.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { accessCases } from './access.ts';
import { closingCases } from './closing.ts';
import { consumingCases } from './consuming.ts';
import type { LogFeatures, OpenLog, Suite } from './given.ts';
import { orderingCases } from './ordering.ts';
import { outageCases } from './outages.ts';
import { publishingCases } from './publishing.ts';
import { topicCases } from './topics.ts';

export interface Backend {
  readonly features: LogFeatures;
  readonly open: () => Promise<OpenLog>;
}

type Cases = (suite: Suite) => void;

const ALL: readonly Cases[] = [
  topicCases,
  orderingCases,
  publishingCases,
  accessCases,
  consumingCases,
  closingCases,
  outageCases,
];

export function eventLogContract(name: string, { features, open }: Backend, all = ALL): void {
  describe(`the event log contract, ${name}`, () => {
    let current: OpenLog | undefined;
    const suite = {
      features,
      opened: (): OpenLog => {
        if (current === undefined) throw new Error('the log is not open');
        return current;
      },
    };
    beforeAll(async () => {
      current = await open();
    });
    afterAll(async () => await current?.close());

    for (const cases of all) cases(suite);
  });
}
