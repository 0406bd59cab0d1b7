import { useMemo } from 'react';
import type { Exact } from '../../base/jsonText';
import type { Value } from '../../model/api';
import { isMap, read } from '../../model/exact';

/** A recorded value as a tree, the same one as long as its text is the same. */
export function useRead(value: Value | null | undefined): Exact {
  return useMemo(() => read(value), [value]);
}

/** A state, without the keys that begin with two underscores: they are the tracker's own. */
export function useReadState(value: Value | null | undefined): Exact {
  return useMemo(() => withoutPrivate(read(value)), [value]);
}

function withoutPrivate(state: Exact): Exact {
  if (!isMap(state) || ![...state.keys()].some((key) => key.startsWith('__'))) return state;
  return new Map([...state].filter(([key]) => !key.startsWith('__')));
}
