/* bundled.mjs UI OUT NOTICES: the notices of every npm package of which code ended in the built UI.
 *
 * The bundler's source maps name each module whose code is in OUT, so what was only installed, or shaken off, does
 * not count. Each package gives one line of the table `name version licence` and its licence texts; bundler code
 * that lands in the output (the preload and module helpers) counts as a package too. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [ui, out, noticesPath] = process.argv.slice(2);

function sourceMaps(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sourceMaps(path) : path.endsWith('.map') ? [path] : [];
  });
}

/* "…/node_modules/a/node_modules/@b/c/index.js" -> "node_modules/a/node_modules/@b/c" */
function packageOf(source) {
  const virtual = /(^|\/)(\0|%00|vite\/|commonjsHelpers)/.exec(source);
  if (virtual && !source.includes('node_modules/')) return 'node_modules/vite';
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
for (const path of sourceMaps(out)) {
  for (const source of JSON.parse(readFileSync(path, 'utf8')).sources) {
    const folder = packageOf(source);
    if (folder !== null) folders.add(folder);
  }
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
