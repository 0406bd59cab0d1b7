/* The token that the collector asks for, where the browser keeps no cookies for us: then the page that asks for it has left
 * it here (collector/src/http/pages/burr-token.js). Elsewhere a cookie, which we cannot see, does all. */

declare global {
  interface Window {
    readonly burrToken?: string;
  }
}

function keptToken(): string | null {
  if (window.burrToken !== undefined) return window.burrToken;
  try {
    return sessionStorage.getItem('burr.token');
  } catch {
    return null; /* storage may be blocked with the cookies */
  }
}

/** The headers that show the token, if there is one to show. */
export function tokenHeaders(): Record<string, string> {
  const token = keptToken();
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** A link to us may carry the token (`#token=…`); where a cookie let us in already, it need not stay in the address. */
export function dropTokenFromAddress(): void {
  if (location.hash.startsWith('#token='))
    history.replaceState(history.state, '', location.pathname + location.search);
}
