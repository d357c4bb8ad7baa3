/** From a request to its answer: whether it means this server, whether its asker may look, and who has the answer. */
import { isOutage, OperatorError } from '../errors.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access, Visitor } from './access.ts';
import { text } from './answer.ts';
import type { Answer, Asked, Site, StreamedAnswer } from './answer.ts';
import type { Hosts } from './hosts.ts';
import { plainForm, signInOrOut } from './login.ts';
import { inFormOf } from './problems.ts';
import type { Intake } from './intake.ts';
import type { Streams } from './streams.ts';
import { targetOf } from './target.ts';
import { within } from '../waiting.ts';

export interface Router {
  readonly sites: readonly Site[];
  readonly hosts: Hosts;
  readonly access: Access;
  readonly streams: Streams;
  /** Where something is taken in; `null`: nowhere. */
  readonly intake: Intake | null;
  /** What to try, for whoever asked for something else. */
  readonly hint: string;
  readonly onFailed: (error: unknown, path: string) => void;
}

/** A site has its own limits; this one is for what has none. Milliseconds. */
const SITE_MS = 12_000;

/** @returns `null`: a stream has begun */
export async function answerTo(
  router: Router,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | null> {
  const url = targetOf(request.url ?? '');
  if (url === null) return text(400, 'the path is malformed');
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const answer =
    router.hosts.refusal(request, url) ??
    (await signedInOrOut(router, request, url, gone)) ??
    (await answered(router, request, response, url, gone));
  return answer === null ? null : inFormOf(url.pathname, answer);
}

async function signedInOrOut(router: Router, request: IncomingMessage, url: URL, gone: AbortController) {
  const draw = async (query: URLSearchParams): Promise<Answer> => {
    const { headers } = request;
    const form = new URL(`/login?${query.toString()}`, url);
    const drawn = await ask(router, { method: 'GET', url: form, headers, signal: gone.signal, signedIn: false }, gone);
    return drawn === null || 'begin' in drawn ? plainForm(query) : drawn;
  };
  return await signInOrOut(router.access, request, url, draw);
}

async function answered(
  router: Router,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  gone: AbortController,
): Promise<Answer | null> {
  const { method = '', headers } = request;
  if (url.pathname === router.intake?.path) return await takenIn(router, router.intake, request);
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET and HEAD are served', { allow: 'GET, HEAD' });
  if (url.pathname === '/login' && router.access.isOpen) return text(303, 'go on at /', { location: '/' });
  const visitor = router.access.admit(request, url);
  if ('status' in visitor) return visitor;
  const { signedIn } = visitor;
  const answer = await ask(router, { method, url, headers, signal: gone.signal, signedIn }, gone);
  if (answer === null) return url.pathname === '/login' ? plainForm(url.searchParams) : text(404, router.hint);
  return 'begin' in answer ? streamed(router, answer, method, response, visitor) : answer;
}

async function takenIn({ access, onFailed }: Router, intake: Intake, request: IncomingMessage): Promise<Answer> {
  try {
    return await within(SITE_MS, intake.answer(access, request), () =>
      text(503, `it was not stored within ${SITE_MS / 1000} s: send it again`, { connection: 'close' }),
    );
  } catch (error) {
    onFailed(error, intake.path);
    return text(500, 'something went wrong here: the log of this process has it');
  }
}

function streamed(
  { streams }: Router,
  answer: StreamedAnswer,
  method: 'GET' | 'HEAD',
  response: ServerResponse,
  { isWelcome }: Visitor,
): Answer | null {
  if (method === 'HEAD') return { status: 200, type: 'text/event-stream', body: '' };
  return streams.begin(answer, response, isWelcome)
    ? null
    : text(503, 'too many streams are open', { 'retry-after': '10' });
}

/** @returns `null`: no site knows the path */
async function ask(
  { sites, onFailed }: Router,
  asked: Asked,
  gone: AbortController,
): Promise<Answer | StreamedAnswer | null> {
  try {
    return await within(SITE_MS, askAll(sites, asked), () => {
      gone.abort();
      return text(503, `there was no answer within ${SITE_MS / 1000} s`);
    });
  } catch (error) {
    if (!isOutage(error)) onFailed(error, asked.url.pathname);
    if (error instanceof OperatorError) return text(503, error.message);
    return text(500, 'something went wrong here: the log of this process has it');
  }
}

async function askAll(sites: readonly Site[], asked: Asked): Promise<Answer | StreamedAnswer | null> {
  for (const site of sites) {
    const answer = await site(asked);
    if (answer !== null) return answer;
  }
  return null;
}
