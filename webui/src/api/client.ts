/* The only place that talks to the server. */
import type { Json } from '../base/json';
import { address } from '../base/place';
import { EventParser, type ServerEvent } from '../base/sse';
import { tokenHeaders } from '../base/token';
import type { Project, Run, RunPage } from '../model/types';
import { DecodeError } from './decode';
import { decodeProjects, decodeRun, decodeRunPage } from './v0';

export type ApiErrorKind = 'unreachable' | 'not_found' | 'refused' | 'unreadable';

export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly kind: ApiErrorKind,
    message: string,
    readonly status: number | null = null,
  ) {
    super(message);
  }
}

export const PAGE_SIZE = 100;

export function fetchProjects(signal: AbortSignal): Promise<readonly Project[]> {
  return get('api/v0/projects', decodeProjects, signal);
}

export function fetchRuns(
  project: string,
  partition: string | null,
  offset: number,
  signal: AbortSignal,
): Promise<RunPage> {
  const path = `api/v0/${encodeURIComponent(project)}/${partitionSegment(partition)}/apps`;
  return get(`${path}?limit=${PAGE_SIZE}&offset=${offset}`, decodeRunPage, signal);
}

export function fetchRun(
  project: string,
  app: string,
  partition: string | null,
  signal: AbortSignal,
): Promise<Run> {
  const path = `api/v0/${encodeURIComponent(project)}/${encodeURIComponent(app)}/${partitionSegment(partition)}/apps`;
  return get(path, decodeRun, signal);
}

function partitionSegment(partition: string | null): string {
  return partition === null ? '__none__' : encodeURIComponent(partition);
}

/* The answers whose ETag is known, so that an unchanged one is neither parsed nor checked again. */
const KEPT_ANSWERS = 8;
const kept = new Map<string, { readonly etag: string; readonly value: unknown }>();

async function get<T>(path: string, decode: (value: Json) => T, signal: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address(path), { cache: 'no-cache', headers: tokenHeaders(), signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError('unreachable', 'The server does not answer.');
  }
  if (!response.ok) throw await refusal(response);

  const etag = response.headers.get('etag');
  const known = kept.get(path);
  if (etag !== null && known?.etag === etag) {
    await response.body?.cancel();
    return known.value as T;
  }
  const value = await read(response, decode, signal);
  if (etag !== null) {
    kept.delete(path);
    kept.set(path, { etag, value });
    const oldest = kept.keys().next();
    if (kept.size > KEPT_ANSWERS && oldest.done !== true) kept.delete(oldest.value);
  }
  return value;
}

async function read<T>(response: Response, decode: (value: Json) => T, signal: AbortSignal): Promise<T> {
  try {
    return decode((await response.json()) as Json);
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof DecodeError)
      throw new ApiError('unreadable', `The server's answer cannot be understood: ${error.message}.`);
    if (error instanceof SyntaxError)
      throw new ApiError('unreadable', `The server's answer is not JSON: ${error.message}.`);
    throw new ApiError('unreachable', 'The connection was lost while reading the answer.');
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

export type StreamEnd = 'closed' | 'silent' | 'unsupported' | 'unreachable';

export interface StreamHandlers {
  readonly onOpen: () => void;
  readonly onEvent: (event: ServerEvent) => void;
}

/** Reads the event stream until it ends, and tells why it did. `silenceMs` without a byte, heartbeats included, is an end. */
export async function readEvents(
  topics: readonly string[],
  handlers: StreamHandlers,
  silenceMs: number,
  signal: AbortSignal,
): Promise<StreamEnd> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const stillAlive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  const cancel = () => silence.abort();
  signal.addEventListener('abort', cancel);
  let answered = false;
  try {
    const response = await fetch(address(`api/v1/events?topics=${encodeURIComponent(topics.join(','))}`), {
      headers: { accept: 'text/event-stream', ...tokenHeaders() },
      cache: 'no-store',
      signal: silence.signal,
    });
    const type = response.headers.get('content-type') ?? '';
    if (!response.ok || !type.startsWith('text/event-stream') || response.body === null) {
      await response.body?.cancel();
      return response.status === 503 || response.status === 502 ? 'unreachable' : 'unsupported';
    }
    answered = true;
    handlers.onOpen();
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      stillAlive();
      const { done, value } = await reader.read();
      if (done) return 'closed';
      for (const event of parser.push(value)) handlers.onEvent(event);
    }
  } catch {
    if (!answered) return 'unreachable';
    return silence.signal.aborted ? 'silent' : 'closed';
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}
