/* The only place that asks the server. Answers are checked here, once, against the API's own schemas, and trusted beyond. */
import { upTo } from '../base/cursor';
import { address } from '../base/place';
import { noteServerTime } from '../base/serverClock';
import { tokenHeaders } from '../base/token';
import type { Api } from '../model/api';
import { Checker } from './check';
import { ANSWERS, SCHEMAS } from './schemas';
import { target } from './target';

export type ApiErrorKind = 'unreachable' | 'not_found' | 'refused' | 'unreadable';

export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly kind: ApiErrorKind,
    /** Of a refusal, the server's `detail`. */
    message: string,
    readonly status: number | null = null,
  ) {
    super(message);
  }
}

export const checker = new Checker(SCHEMAS);

/** Asks for `path`, a key of Api. Rejects with ApiError, or the signal's reason. An answer that did not change is the same object. How far it
 * goes, cursorOf tells. */
export function get<P extends keyof Api>(
  path: P,
  params: Api[P]['params'],
  signal: AbortSignal,
): Promise<Api[P]['answer']> {
  const read = (text: string): Api[P]['answer'] => {
    const { value, problem } = checker.read(text, ANSWERS[path]);
    if (problem !== null)
      throw new ApiError('unreadable', `The server's answer cannot be understood: answer${problem}.`);
    const answer = value as Api[P]['answer'];
    if (typeof answer === 'object' && 'now' in answer) noteServerTime(answer.now);
    return answer;
  };
  return request(target(path, params), read, signal);
}

/* The answers whose ETag is known, so that an unchanged one is neither parsed nor checked again. */
const KEPT_ANSWERS = 32;
const kept = new Map<string, { readonly etag: string; readonly value: unknown }>();

async function request<T>(relative: string, read: (text: string) => T, signal: AbortSignal): Promise<T> {
  const { value, cursor } = await answerOf(relative, read, signal);
  return typeof value === 'object' && value !== null ? upTo(value, cursor) : value;
}

interface Answered<T> {
  readonly value: T;
  /** Its Burr-Cursor; 0: it has none. */
  readonly cursor: number;
}

async function answerOf<T>(
  relative: string,
  read: (text: string) => T,
  signal: AbortSignal,
): Promise<Answered<T>> {
  let response: Response;
  try {
    response = await fetch(address(relative), { cache: 'no-cache', headers: tokenHeaders(), signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError('unreachable', 'The server does not answer.');
  }
  noteServerTime(response.headers.get('date'));
  if (!response.ok) throw await refusal(response);

  const cursor = Number(response.headers.get('burr-cursor'));
  const etag = response.headers.get('etag');
  const known = kept.get(relative);
  if (etag !== null && known?.etag === etag) {
    await response.body?.cancel();
    return { value: known.value as T, cursor };
  }
  const value = await readAnswer(response, read, signal);
  if (etag !== null) {
    kept.delete(relative);
    kept.set(relative, { etag, value });
    const oldest = kept.keys().next();
    if (kept.size > KEPT_ANSWERS && oldest.done !== true) kept.delete(oldest.value);
  }
  return { value, cursor };
}

async function readAnswer<T>(response: Response, read: (text: string) => T, signal: AbortSignal): Promise<T> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError('unreachable', 'The connection was lost while reading the answer.');
  }
  try {
    return read(text);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new ApiError('unreadable', `The server's answer is not JSON: ${error.message}.`);
    throw error;
  }
}

async function refusal(response: Response): Promise<ApiError> {
  if (response.status === 401) location.reload(); /* the server asks for the token in the page's place */
  const body = await response.text().catch(() => '');
  let detail = '';
  try {
    const parsed = JSON.parse(body) as { readonly detail?: unknown } | null;
    if (typeof parsed?.detail === 'string') detail = parsed.detail;
  } catch {
    /* not JSON: the status has to do */
  }
  const kind = response.status === 404 ? 'not_found' : 'refused';
  return new ApiError(kind, detail || `The server answered ${response.status}.`, response.status);
}
