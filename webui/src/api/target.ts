/** The path and query of a question, relative to where the page is mounted. */
export function target(path: string, params: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  let filled = path.slice(1);
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null) continue;
    const text = String(value as string | number | boolean);
    if (filled.includes(`{${name}}`)) filled = filled.replace(`{${name}}`, () => encodeURIComponent(text));
    else query.set(name, text);
  }
  const asked = query.toString();
  return asked === '' ? filled : `${filled}?${asked}`;
}
