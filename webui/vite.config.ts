/* Build and development server.
 *
 * The built page works under any path prefix: every address is relative, and whoever serves index.html replaces
 * `<base href="./">` by as many `../` as the requested path is deep. The collector does that in production; the plugin
 * below does the same in development and preview, so that both behave alike. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const MARKER = '<base href="./">';

function baseFor(url: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? '/';
  const depth = path.split('/').length - 2;
  return `<base href="${depth > 0 ? '../'.repeat(depth) : './'}">`;
}

function baseHref(): Plugin {
  return {
    name: 'burr-base-href',
    transformIndexHtml: {
      order: 'post',
      handler: (html, context) =>
        context.server ? html.replace(MARKER, baseFor(context.originalUrl ?? '/')) : html,
    },
    configurePreviewServer(server) {
      const outDir = join(server.config.root, server.config.build.outDir);
      server.middlewares.use((request, response, next) => {
        const url = request.url ?? '/';
        const accepts = request.headers.accept ?? '';
        if (request.method !== 'GET' || !accepts.includes('text/html') || url.startsWith('/api/')) {
          next();
          return;
        }
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end(readFileSync(join(outDir, 'index.html'), 'utf8').replace(MARKER, baseFor(url)));
      });
    },
  };
}

/* Whoever passes the built files on must pass on the licences of what they contain. */
const bundled = new Set<string>();

/* A worker is a bundle of its own, made before the page's. */
function collectLicences(): Plugin {
  return {
    name: 'burr-licences-of-bundle',
    apply: 'build',
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue;
        for (const id of Object.keys(file.modules)) {
          const match = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id);
          if (match?.[1] !== undefined) bundled.add(match[1]);
        }
      }
    },
  };
}

function licences(): Plugin {
  return {
    name: 'burr-licences',
    apply: 'build',
    generateBundle() {
      const texts = [...bundled].sort().map((folder) => {
        const { name, version, license } = JSON.parse(
          readFileSync(join(folder, 'package.json'), 'utf8'),
        ) as Readonly<Record<string, string>>;
        const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
        const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
        return `${name ?? ''} ${version ?? ''} (${license ?? ''})\n\n${text}\n`;
      });
      const source = texts.join(`\n${'-'.repeat(78)}\n\n`);
      this.emitFile({ type: 'asset', fileName: 'assets/licences.txt', source });
    },
  };
}

const backend = process.env.BURR_URL ?? 'http://127.0.0.1:7241';
const proxy = { '/api': { target: backend, changeOrigin: true } };

export default defineConfig({
  base: '',
  plugins: [baseHref(), collectLicences(), licences()],
  worker: { format: 'es', plugins: () => [collectLicences()] },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    rollupOptions: {
      /* Marks for server rendering in a library; they mean nothing here. */
      onwarn: (warning, warn) => {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
  server: { proxy },
  preview: { proxy },
});
