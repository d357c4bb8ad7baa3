/** Errors in the form their asker reads: below /api they are RFC 9457's, elsewhere a line of text. */
import { STATUS_CODES } from 'node:http';
import type { Answer } from './answer.ts';

export function inFormOf(path: string, answer: Answer): Answer {
  if (answer.status < 400 || !path.startsWith('/api/') || !answer.type.startsWith('text/plain')) return answer;
  const { status } = answer;
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, detail: String(answer.body).trim() };
  return { ...answer, type: 'application/problem+json', body: JSON.stringify(problem) };
}
