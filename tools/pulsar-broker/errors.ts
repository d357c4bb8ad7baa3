/** What can go wrong with the broker, each with what to do about it in the message. */

export type BrokerProblem =
  | 'no-java'
  | 'old-java'
  | 'no-compiler'
  | 'no-maven'
  | 'cache-not-writable'
  | 'download-failed'
  | 'port-taken'
  | 'folder-in-use'
  | 'bad-secret'
  | 'not-healthy';

export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly problem: BrokerProblem;

  constructor(problem: BrokerProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

const MAX_LINE = 300;

/** The last `count` lines that say something, indented; long ones cut. */
export function lastLines(text: string, count: number): string {
  const lines = text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !/^\s+at /.test(line));
  if (lines.length === 0) return '    (it wrote nothing)';
  return lines
    .slice(-count)
    .map((line) => `    ${line.slice(0, MAX_LINE)}`)
    .join('\n');
}
