/* Small choices of the reader that outlive a visit. */
import { useCallback, useState, useSyncExternalStore } from 'react';
import { loadPreference, savePreference } from '../base/storage';

export type Theme = 'system' | 'light' | 'dark';

const watchers = new Set<() => void>();
let theme: Theme = readTheme(loadPreference('theme'));

function readTheme(text: string | null): Theme {
  return text === 'light' || text === 'dark' ? text : 'system';
}

export function applyTheme(): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function setTheme(next: Theme): void {
  theme = next;
  savePreference('theme', next);
  applyTheme();
  for (const watcher of watchers) watcher();
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => theme,
  );
}

export function usePreference(name: string, fallback: string): readonly [string, (value: string) => void] {
  const [value, setValue] = useState(() => loadPreference(name) ?? fallback);
  const save = useCallback(
    (next: string) => {
      savePreference(name, next);
      setValue(next);
    },
    [name],
  );
  return [value, save];
}

/** The filters that the reader has kept, and what keeps one, or forgets it. */
export function useSavedFilters(): readonly [readonly string[], (filter: string) => void] {
  const [text, save] = usePreference('filters', '[]');
  const filters = readFilters(text);
  const toggle = (filter: string) => {
    const others = filters.filter((other) => other !== filter);
    save(JSON.stringify(others.length < filters.length ? others : [filter, ...filters]));
  };
  return [filters, toggle];
}

function readFilters(text: string): readonly string[] {
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}
