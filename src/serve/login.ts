/** The login form and what it is sent to: a token for a cookie. A site draws the form; without one it is plain. */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { SESSION_COOKIE, tooOften } from './access.ts';
import type { Access } from './access.ts';
import { text } from './answer.ts';
import type { Answer } from './answer.ts';
import { SESSION_MS } from './credentials.ts';
import { ownPath } from './target.ts';

/** Bytes. */
const LONGEST_FORM = 4_096;

/** Draws the form: for `GET` as it is asked, else with what was wrong: `?refused=wrong` or `?refused=slow`. */
export type DrawForm = (query: URLSearchParams) => Promise<Answer>;

/** Answers to `POST /login` and `POST /logout`; `null` to others. */
export async function signInOrOut(
  access: Access,
  request: IncomingMessage,
  { pathname }: URL,
  draw: DrawForm,
): Promise<Answer | null> {
  if (request.method !== 'POST') return null;
  if (pathname === '/logout') return moveOn('/login', cookie(request, '', 0));
  if (pathname !== '/login') return null;
  if (access.isOpen) return moveOn('/');
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? ''))
    return text(415, 'a form with the field token is expected');
  const form = await formOf(request);
  if (form === null) return text(413, 'the form is too long', { connection: 'close' });
  return await signIn(access, request, form, draw);
}

async function signIn(access: Access, request: IncomingMessage, form: URLSearchParams, draw: DrawForm) {
  const next = ownPath(form.get('next'));
  const tried = access.try((form.get('token') ?? '').trim(), request.socket.remoteAddress);
  if (typeof tried === 'string') return moveOn(next, cookie(request, tried, SESSION_MS / 1_000));
  const drawn = await draw(new URLSearchParams({ next, refused: (tried === 0 ? 'wrong' : 'slow') satisfies Refused }));
  const head = { ...drawn.headers, 'cache-control': 'no-store' };
  if (tried === 0) return { ...drawn, status: 401, headers: head };
  return { ...drawn, status: 429, headers: { ...head, ...tooOften(tried).headers } };
}

const moveOn = (location: string, setCookie?: string): Answer =>
  text(303, `go on at ${location}`, {
    ...{ location, 'cache-control': 'no-store' },
    ...(setCookie === undefined ? {} : { 'set-cookie': setCookie }),
  });

/** Over plain HTTP a browser would not keep a cookie that is Secure. A proxy that ends TLS says so. */
function cookie({ socket, headers }: IncomingMessage, value: string, seconds: number): string {
  const isSecure = (socket as Partial<TLSSocket>).encrypted === true || headers['x-forwarded-proto'] === 'https';
  const attributes = ['Path=/', `Max-Age=${seconds}`, 'HttpOnly', 'SameSite=Strict', ...(isSecure ? ['Secure'] : [])];
  return [`${SESSION_COOKIE}=${value}`, ...attributes].join('; ');
}

/** @returns `null`: it is longer than any form of ours, or broke off */
async function formOf(request: IncomingMessage): Promise<URLSearchParams | null> {
  const parts: Buffer[] = [];
  let size = 0;
  return await new Promise((resolve) => {
    request.on('data', (part: Buffer) => {
      size += part.length;
      if (size > LONGEST_FORM) resolve(null);
      else parts.push(part);
    });
    request.once('end', () => resolve(new URLSearchParams(Buffer.concat(parts).toString('utf8'))));
    request.once('close', () => resolve(null));
  });
}

const SAID = {
  wrong: '<p role="alert">The token is wrong.</p>',
  slow: '<p role="alert">Too many wrong tokens came from this address: wait a little.</p>',
} as const;

/** Why the form is drawn again. */
export type Refused = keyof typeof SAID;

export const isRefused = (name: string | null): name is Refused => name !== null && Object.hasOwn(SAID, name);

/** For whoever serves no pages. */
export const plainForm = (query: URLSearchParams): Answer => {
  const refused = query.get('refused');
  return {
    ...{ status: 200, type: 'text/html; charset=utf-8', headers: { 'cache-control': 'no-store' } },
    body: `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Balde: sign in</title>
<main><h1>Balde</h1>${isRefused(refused) ? SAID[refused] : ''}
<form method="post" action="/login"><input type="hidden" name="next" value="${escaped(ownPath(query.get('next')))}">
<label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Sign in</button></form></main></html>
`,
  };
};

const escaped = (value: string): string => value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
