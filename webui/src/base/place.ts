/* Where this application is mounted. The server tells by `<base href>`; it is read once, before any navigation. */

const BASE = new URL('.', document.baseURI);

/** The path prefix for the router, without a closing slash. */
export const BASENAME = BASE.pathname.replace(/\/$/, '');

/** The absolute address of something relative to the mount point, such as `api/v1/projects`. */
export function address(relative: string): string {
  return new URL(relative, BASE).href;
}
