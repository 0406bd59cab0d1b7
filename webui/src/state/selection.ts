/* Which step is looked at, and whether the newest one is followed.
 *
 * The address holds the step's sequence id (and the attempt, where it is not the last), so that a link outlives the page; inside, steps
 * are numbers. The newest step is in the address by none being there: who looks at it is at the end, and follows. A step chosen here is
 * shown at once, and its address follows as soon as the step is known. An address that changes otherwise (a link, back, forward) is
 * resolved by asking for the attempts at that sequence id. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import { PAGE_STEPS, useAttempts, usePages, type RunPlace } from './run';
import { readNumber, useUrlQuery } from './url';

export type How = 'push' | 'replace';

export interface Selection {
  /** null: the run has no step, or the address is still being resolved. */
  readonly number: number | null;
  /** The sequence id in the address that no step has. */
  readonly missing: number | null;
  readonly following: boolean;
  /** Steps that came since the newest one is not followed any more. */
  readonly unseen: number;
  /** push: back leads to the step before. */
  readonly select: (number: number, how: How) => void;
  readonly follow: (how?: How) => void;
  readonly leave: () => void;
}

interface Local {
  readonly number: number;
  /** The address for which it holds; at another one, that one rules. */
  readonly address: string;
  readonly how: How;
  /** When the address follows. Walking fast must not flood the history: browsers refuse more than some hundred changes in a while. */
  readonly waitMs: number;
}

const WALK_MS = 120;

function addressIn(query: URLSearchParams): string {
  return `${query.get('step') ?? ''}/${query.get('attempt') ?? ''}`;
}

export function useSelection(run: RunPlace, count: number): Selection {
  const [query, change] = useUrlQuery();
  const address = addressIn(query);
  const wanted = readNumber(query.get('step'));
  const [local, setLocal] = useState<Local | null>(null);
  const holds = local !== null && local.address === address;

  const isAsked = wanted !== null && !holds;
  const attempts = useAttempts(run, isAsked ? wanted : null).data;
  const attempt = readNumber(query.get('attempt'));
  const found = attempts?.find((step) => step.attempt === attempt) ?? attempts?.at(-1) ?? null;
  const missing = isAsked && attempts?.length === 0 ? wanted : null;

  const last = count > 0 ? count - 1 : null;
  const following = wanted === null && !holds;
  const number = holds ? local.number : following || missing !== null ? last : (found?.number ?? null);

  const [seen, setSeen] = useState(count);
  if ((following || seen > count) && seen !== count) setSeen(count);

  const pages = useMemo(() => (number === null ? [] : [Math.floor(number / PAGE_STEPS)]), [number]);
  const page = usePages(run, pages).get(pages[0] ?? -1);
  const step = holds ? (page?.steps[local.number % PAGE_STEPS] ?? null) : null;
  const how = local?.how ?? null;
  const waitMs = local?.waitMs ?? 0;
  const chosen = step === null ? null : step.number;
  const stepText = step === null ? null : String(step.sequence_id);
  const attemptText = step?.superseded === true ? String(step.attempt) : null;
  useEffect(() => {
    if (chosen === null || how === null) return;
    const next = `${stepText ?? ''}/${attemptText ?? ''}`;
    if (next === address) return;
    const timer = setTimeout(() => {
      setLocal({ number: chosen, address: next, how: 'replace', waitMs: 0 });
      change({ step: stepText, attempt: attemptText }, how);
    }, waitMs);
    return () => clearTimeout(timer);
  }, [chosen, stepText, attemptText, how, waitMs, address, change]);

  const follow = useCallback(
    (by: How = 'replace') => {
      setLocal(null);
      change({ step: null, attempt: null }, by);
    },
    [change],
  );
  const select = useCallback(
    (wish: number, by: How) => {
      if (wish === last) follow(by);
      else {
        /* Between a change of the address and the next drawing, a key may be pressed. */
        const now = addressIn(new URLSearchParams(location.search));
        setLocal({ number: wish, address: now, how: by, waitMs: by === 'push' ? 0 : WALK_MS });
      }
    },
    [last, follow],
  );
  /* What a link names is held, too: it may give way to a later attempt while it is read. */
  const named = isAsked ? (found?.number ?? null) : null;
  useEffect(() => {
    if (named === null) return;
    if (named === last) follow();
    else setLocal({ number: named, address, how: 'replace', waitMs: 0 });
  }, [named, last, follow, address]);
  const leave = useCallback(() => {
    if (last !== null) setLocal({ number: last, address, how: 'replace', waitMs: 0 });
  }, [last, address]);
  return {
    number,
    missing,
    following,
    unseen: following ? 0 : Math.max(count - seen, 0),
    select,
    follow,
    leave,
  };
}
