/* A status as a shape, a colour and a word (the word may be for screen readers only). */
import type { ReactElement } from 'react';

export type StatusKind = 'ok' | 'failed' | 'running' | 'unknown' | 'lost' | 'waiting' | 'empty' | 'abandoned';

const WORDS: Readonly<Record<StatusKind, string>> = {
  ok: 'ok',
  failed: 'failed',
  running: 'running',
  unknown: 'running?',
  lost: 'lost',
  waiting: 'waiting',
  empty: 'no steps',
  abandoned: 'never ended',
};

const SHAPES: Readonly<Record<StatusKind, ReactElement>> = {
  ok: <path d="M3.5 8.5 6.5 11.5 12.5 4.5" fill="none" stroke="currentColor" strokeWidth="2" />,
  failed: (
    <>
      <path d="M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z" fill="currentColor" />
      <path d="m5.5 5.5 5 5m0-5-5 5" stroke="var(--paper)" strokeWidth="1.6" />
    </>
  ),
  running: (
    <>
      <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="2" opacity="0.3" />
      <path
        className="turn"
        d="M8 2.5A5.5 5.5 0 0 1 13.5 8"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
      />
    </>
  ),
  unknown: (
    <>
      <circle
        cx="8"
        cy="8"
        r="6"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeDasharray="3 2.6"
      />
      <path
        d="M6.2 6.4a1.9 1.9 0 1 1 2.6 1.8c-.6.3-.8.6-.8 1.2m0 1.4v.8"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
      />
    </>
  ),
  lost: (
    <>
      <circle
        cx="8"
        cy="8"
        r="5.5"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeDasharray="3 2.8"
      />
      <path d="M3 13 13 3" stroke="currentColor" strokeWidth="2" />
    </>
  ),
  waiting: <path d="M5.5 3.5v9M10.5 3.5v9" stroke="currentColor" strokeWidth="2.4" />,
  empty: (
    <circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2 2.5" />
  ),
  abandoned: (
    <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="2" strokeDasharray="3 2.8" />
  ),
};

interface Props {
  readonly kind: StatusKind;
  readonly showWord?: boolean;
}

export function Status({ kind, showWord = false }: Props) {
  const word = WORDS[kind];
  return (
    <span className={`status ${kind}`} title={showWord ? undefined : word}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {SHAPES[kind]}
      </svg>
      <span className={showWord ? undefined : 'sr-only'}>{word}</span>
    </span>
  );
}
