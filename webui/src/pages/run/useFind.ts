/* Searching in the run: the text is in the address, the hits come from the server, n and N move from one to the next. */
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Hit } from '../../model/api';
import { usePaced } from '../../state/run';
import { useRunSearch } from '../../state/runSearch';
import type { Selection } from '../../state/selection';
import { useUrlQuery } from '../../state/url';
import { useKeys } from '../../ui/keys';
import { useFacts } from './context';

export interface FindInRun {
  readonly text: string;
  readonly setText: (text: string) => void;
  /** Goes to a step by `#123`, or to the next hit. Gives whether it did. */
  readonly enter: (back: boolean) => boolean;
  readonly move: (by: 1 | -1) => void;
  readonly hit: Hit | null;
  readonly at: number | null;
  readonly count: number;
  readonly more: boolean;
  readonly searching: boolean;
  readonly error: Error | null;
  readonly numbers: ReadonlySet<number>;
}

const SEARCH_PACE_MS = 150;

export function useFind(selection: Selection): FindInRun {
  const { place, detail } = useFacts();
  const [query, change] = useUrlQuery();
  const [text, setText] = useTypedText(query.get('find') ?? '', (typed) => change({ find: typed }));
  const isJump = text.startsWith('#');
  const asked = usePaced(isJump ? '' : text, SEARCH_PACE_MS);
  const search = useRunSearch(place, asked, detail);
  const { hits } = search;
  const [chosen, setChosen] = useState<Hit | null>(null);
  const [pending, setPending] = useState<1 | -1 | null>(null);
  const at = chosen === null ? -1 : hits.indexOf(chosen);
  const numbers = useMemo(() => new Set(hits.map((hit) => hit.number)), [hits]);

  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    setChosen(hit);
    selection.select(hit.number, 'push');
  };
  const move = (by: 1 | -1) => {
    const here = selection.number ?? 0;
    const current = at >= 0 && hits[at]?.number === here ? at : null;
    if (by < 0) {
      const before = current ?? hits.findLastIndex((hit) => hit.number < here) + 1;
      go(hits[before - 1] ?? hits.at(-1));
      return;
    }
    const next = current === null ? hits.findIndex((hit) => hit.number >= here) : current + 1;
    if (next >= 0 && next < hits.length) go(hits[next]);
    else if (search.more) void search.loadMore().then((all) => go(all[hits.length] ?? all[0]));
    else go(hits[0]);
  };
  const enter = (back: boolean) => {
    if (isJump) {
      const wanted = /^#\s*(\d+)$/.exec(text)?.[1];
      if (wanted !== undefined) {
        setText('');
        change({ step: wanted, attempt: null, find: null }, 'push');
      }
      return wanted !== undefined;
    }
    setPending(back ? -1 : 1);
    return text !== '';
  };
  const latestMove = useRef(move);
  useEffect(() => {
    latestMove.current = move;
  });
  /* Who presses Enter means the text as it stands then, of which the hits may not be there yet. */
  const current = asked === text && !search.searching;
  useEffect(() => {
    if (pending === null || !current) return;
    setPending(null);
    latestMove.current(pending);
  }, [pending, current]);
  useKeys('Steps', [
    { keys: ['n'], label: 'Next hit of the search', run: () => move(1) },
    { keys: ['N'], label: 'Hit before', run: () => move(-1) },
  ]);
  return {
    text,
    setText,
    enter,
    move,
    hit: at >= 0 ? chosen : null,
    at: at >= 0 ? at : null,
    count: hits.length,
    more: search.more,
    searching: search.searching || asked !== (isJump ? '' : text),
    error: search.error,
    numbers,
  };
}

/* What is typed is the field's own until the typing pauses: the address follows slower than fingers, and would lose letters. */
function useTypedText(address: string, write: (text: string) => void) {
  const [text, setText] = useState(address);
  const written = useRef(address);
  const settled = usePaced(text, SEARCH_PACE_MS);
  const latestWrite = useRef(write);
  useEffect(() => {
    latestWrite.current = write;
  });
  useEffect(() => {
    if (settled === written.current) return;
    written.current = settled;
    latestWrite.current(settled);
  }, [settled]);
  useEffect(() => {
    if (address === written.current) return;
    written.current = address;
    setText(address);
  }, [address]);
  return [text, setText] as const;
}
