/* bundled.mjs UI OUT NOTICES: the notices of every npm package of which code ended in the built UI.
 *
 * The bundler's source maps name each module whose code is in OUT, so what was only installed, or shaken off, does
 * not count; a package that was published as a bundle of several is followed through its own map. Each package
 * gives one line of the table `name version licence` and its licence texts; the bundler's own code that lands in the
 * output counts as a package too. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const [ui, out, noticesPath] = process.argv.slice(2);

function sourceMaps(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sourceMaps(path) : path.endsWith('.map') ? [path] : [];
  });
}

/* "…/node_modules/a/node_modules/@b/c/index.js" -> "node_modules/a/node_modules/@b/c" */
function packageOf(source) {
  const start = source.indexOf('node_modules/');
  if (start < 0) return null;
  const last = source.lastIndexOf('node_modules/') + 'node_modules/'.length;
  const parts = source.slice(last).split('/');
  const name = parts[0].startsWith('@') ? parts.slice(0, 2) : parts.slice(0, 1);
  return source.slice(start, last) + name.join('/');
}

function licenceTexts(folder, name) {
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[sc]e|copying|notice)([.-].*)?$/i.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'));
  // Vite's file goes on with the licences of its own build tools, of which nothing is in our output.
  if (name === 'vite') return texts.map((text) => text.split(/^# Licenses of bundled dependencies/m)[0]);
  return texts;
}

const folders = new Set();
function follow(mapPath, root) {
  for (const source of JSON.parse(readFileSync(mapPath, 'utf8')).sources) {
    const folder = packageOf(source);
    if (folder === null) continue;
    const nested = join(root, folder);
    folders.add(existsSync(join(ui, nested)) ? nested : folder);
    const published = `${resolve(dirname(mapPath), source)}.map`;
    if (existsSync(published)) follow(published, folder);
  }
}
for (const path of sourceMaps(out)) {
  follow(path, '');
  // Vite's loader of page parts has no place in the maps; the event that it raises gives it away.
  const code = path.slice(0, -'.map'.length);
  if (existsSync(code) && readFileSync(code, 'utf8').includes('vite:preloadError')) folders.add('node_modules/vite');
}

const packages = [...folders].map((folder) => {
  const path = join(ui, folder);
  const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  const licence = typeof manifest.license === 'string' ? manifest.license : (manifest.license?.type ?? 'UNKNOWN');
  let texts = licenceTexts(path, manifest.name);
  // Parts of a repository with one licence file at its root come without it: the sibling's text is the same.
  if (texts.length === 0 && manifest.author !== undefined) {
    const author = typeof manifest.author === 'string' ? manifest.author : manifest.author.name;
    texts = [`Licence ${licence}, by ${author}`];
  }
  return { name: manifest.name, version: manifest.version, licence, texts };
});
packages.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
if (packages.length === 0 && existsSync(join(ui, 'node_modules/react'))) {
  console.error('notices: the source maps of the built UI name no package');
  process.exit(1);
}

const table = packages.map((p) => `${p.name} ${p.version} ${p.licence.replaceAll(' ', '_')}\n`).join('');
const texts = packages.map((p) => `---- ${p.name} ${p.version} (${p.licence})\n\n${p.texts.join('\n').trim()}\n\n`);
writeFileSync(noticesPath, table + '\n' + texts.join(''));
