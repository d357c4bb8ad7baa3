/** What can keep the addon from becoming loadable. Every message says what to do about it. */

/** Machine-readable kind of a {@link BindingError}; also the `problem` of the command's `--json` output. */
export type BindingProblem =
  | 'package-missing'
  | 'package-version'
  | 'not-writable'
  | 'cache-not-writable'
  | 'unsupported-platform'
  | 'tools-missing'
  | 'download-failed'
  | 'wrong-library'
  | 'node-headers-missing'
  | 'compile-failed'
  | 'load-failed'
  | 'lock-timeout';

/** The addon is not loadable and cannot be made so here. The message is complete and meant for a person. */
export class BindingError extends Error {
  readonly problem: BindingProblem;

  constructor(problem: BindingProblem, message: string) {
    super(message);
    this.name = 'BindingError';
    this.problem = problem;
  }
}

/** The text of anything thrown. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `code` of a system error (`ENOENT`, `EACCES`, ...), or undefined. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The last `count` lines of a program's output that say something, indented to stand under a message. */
export function lastLines(output: string, count: number): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines
    .slice(-count)
    .map((line) => `    ${line.trim()}`)
    .join('\n');
}
