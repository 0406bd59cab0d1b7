/* Keyboard shortcuts. A page registers its keys while it is shown; the newest registration of a key wins, and the help overlay
 * lists what is registered. Nothing fires while somebody types in a field or a dialog is open. */
import { useEffect, useRef } from 'react';

export interface KeyBinding {
  /** Alternatives, each one key (`j`, `ArrowDown`, `?`) or two in a row (`g p`). */
  readonly keys: readonly string[];
  readonly label: string;
  readonly run: () => void;
}

interface Group {
  readonly name: string;
  readonly bindings: () => readonly KeyBinding[];
}

const groups: Group[] = [];
const SEQUENCE_MS = 1000;

export function useKeys(name: string, bindings: readonly KeyBinding[]): void {
  const current = useRef(bindings);
  useEffect(() => {
    current.current = bindings;
  });
  useEffect(() => {
    const group: Group = { name, bindings: () => current.current };
    groups.push(group);
    return () => {
      groups.splice(groups.indexOf(group), 1);
    };
  }, [name]);
}

export function listKeys(): readonly { readonly name: string; readonly bindings: readonly KeyBinding[] }[] {
  return groups.map((group) => ({ name: group.name, bindings: group.bindings() }));
}

function find(pressed: string): KeyBinding | null {
  for (const group of groups.toReversed()) {
    const binding = group.bindings().find((candidate) => candidate.keys.includes(pressed));
    if (binding) return binding;
  }
  return null;
}

/* What Enter presses already. */
function isPressable(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('a, button, summary, [role="button"]') !== null;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest('input, textarea, select, [contenteditable="true"]') !== null
  );
}

/** Starts listening; called once, and ended by the function it gives. */
export function listenToKeys(): () => void {
  let first: { readonly key: string; readonly at: number } | null = null;
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target)) {
      if (event.key === 'Escape' && event.target instanceof HTMLElement) event.target.blur();
      return;
    }
    if (event.key === 'Enter' && isPressable(event.target)) return;
    if (document.querySelector('dialog[open]') !== null) return;
    const pair = first && event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${event.key}` : null;
    first = { key: event.key, at: event.timeStamp };
    const binding = (pair === null ? null : find(pair)) ?? find(event.key);
    if (binding === null) return;
    first = null;
    event.preventDefault();
    binding.run();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}
