/** Answers of the API. */
import type { Problem } from '../../api/answers.ts';
import { isOver } from './session.ts';

/** @throws {Error} what the API says is wrong */
export async function fetched<T>(address: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(address, { signal, headers: { accept: 'application/json' } });
  isOver(response);
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => null)) as Problem | null;
  throw new Error(problem?.detail ?? `${response.status} ${response.statusText}`);
}
