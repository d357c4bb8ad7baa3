/**
 * The order of test files: those that wait for servers are among those that compute, so that the cores are never idle,
 * and have begun long before the end, so that none of them runs alone then.
 */
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';
import { LANES, laneOf } from './lanes.ts';
import type { Lane } from './lanes.ts';

/** Over which part of the run the files of a lane are spread, from 0 to 1. Those of `unit` share their workers. */
const SPANS: Readonly<Record<Lane, readonly [number, number]>> = {
  faults: [0, 0.7],
  pulsar: [0, 0.8],
  postgres: [0, 1],
  unit: [1, 2],
};

export class LongestFirst extends BaseSequencer {
  /** In each lane what took longest last time, or is largest, comes first. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = (await super.sort(files)).map((file) => ({ file, lane: laneOf(file.moduleId) }));
    return LANES.flatMap((lane) =>
      spread(
        sorted.filter((one) => one.lane === lane),
        SPANS[lane],
      ),
    )
      .sort((a, b) => a.at - b.at)
      .map(({ file }) => file);
  }
}

const spread = <T extends object>(all: readonly T[], [from, to]: readonly [number, number]): (T & { at: number })[] =>
  all.map((one, i) => ({ ...one, at: from + ((to - from) * i) / all.length }));
