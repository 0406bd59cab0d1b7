/* Preferences of this browser. An iframe may forbid storage: then they last as long as the page. */

const memory = new Map<string, string>();

export function loadPreference(name: string): string | null {
  try {
    return localStorage.getItem(`burr.${name}`) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

export function savePreference(name: string, value: string): void {
  memory.set(name, value);
  try {
    localStorage.setItem(`burr.${name}`, value);
  } catch {
    /* kept in memory */
  }
}
