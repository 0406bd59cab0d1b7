/* The page that asks for the token (token.html).
 *
 * A token is traded in for a cookie, which no script can read. Where the browser keeps none for us, as in an iframe of
 * another site, this page keeps the token for as long as its tab lives, and fetches the page that was asked for with the
 * token in a header; that page's own requests show it likewise (webui/src/base/token.ts). */
'use strict';

const KEPT = 'burr.token';
const base = new URL('.', document.baseURI);

function session(method, token) {
  const address = new URL(`api/v1/session?path=${encodeURIComponent(base.pathname)}`, base);
  return fetch(address, {
    method,
    cache: 'no-store',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null; /* storage may be blocked with the cookies */
  }
}

function keep(token) {
  window.burrToken = token; /* outlives document.open */
  try {
    if (token === undefined) sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, token);
  } catch {
    /* then it is asked for again at a reload */
  }
}

/* The page that was asked for, in the place of this one. */
async function show(token) {
  const answer = await fetch(location.href, { cache: 'no-store', headers: { authorization: `Bearer ${token}` } });
  const page = await answer.text();
  document.open();
  document.write(page);
  document.close();
}

/* Returns what is wrong, or does not return to this page. */
async function enter(token) {
  try {
    const answer = await session('POST', token);
    if (answer.status === 401) {
      keep(undefined);
      return 'That is not the token of this burr.';
    }
    if (!answer.ok) return (await answer.json()).detail;
    if ((await session('GET')).ok) {
      location.reload();
      return '';
    }
    keep(token);
    await show(token);
    return '';
  } catch {
    return 'burr does not answer.';
  }
}

function takeFromLink() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (found === null) return null;
  history.replaceState(null, '', location.pathname + location.search);
  try {
    return decodeURIComponent(found[1]);
  } catch {
    return found[1]; /* no token of ours, as will be said */
  }
}

async function tryToken(token) {
  document.getElementById('wrong').textContent = await enter(token);
}

document.querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  void tryToken(document.getElementById('token').value.trim());
});
const known = takeFromLink() ?? kept();
if (known !== null) void tryToken(known);
else if (window.top === window) document.getElementById('token').focus(); /* a frame leaves that to its page */
