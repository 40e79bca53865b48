import { createHash } from 'node:crypto';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { type Plugin, build, defineConfig } from 'vite';

const PUBLIC = ['/manifest.webmanifest', '/icons/icon.svg', '/icons/icon-192.png'];

/** `sw.js` with the list of what the chat needs without a line. It changes exactly when a file does. */
function worker(): Plugin {
  return {
    name: 'tebdil-worker',
    apply: 'build',
    async generateBundle(_, bundle) {
      const wanted = new Set<string>();
      const add = (file: string): void => {
        const chunk = bundle[file];
        if (!chunk || wanted.has(file)) return;
        wanted.add(file);
        if (chunk.type !== 'chunk') return;
        [...chunk.imports, ...chunk.dynamicImports].forEach(add);
        chunk.viteMetadata?.importedCss.forEach(add);
      };
      for (const chunk of Object.values(bundle)) {
        if (chunk.type === 'chunk' && chunk.isEntry && chunk.name === 'index') add(chunk.fileName);
      }
      const shell = ['/', ...PUBLIC, ...[...wanted].sort().map((file) => `/${file}`)];
      const html = bundle['index.html'];
      const version = createHash('sha256')
        .update(JSON.stringify(shell))
        .update(html?.type === 'asset' ? html.source : '')
        .digest('hex')
        .slice(0, 12);
      const made = await build({
        configFile: false,
        logLevel: 'error',
        define: { __SHELL__: JSON.stringify(shell), __VERSION__: JSON.stringify(version) },
        build: {
          write: false,
          target: 'es2022',
          lib: { entry: 'src/sw.ts', formats: ['iife'], name: 'sw', fileName: () => 'sw.js' },
        },
      });
      const [output] = [made].flat();
      const chunk = output && 'output' in output ? output.output[0] : undefined;
      if (!chunk) throw new Error('the service worker was not built');
      this.emitFile({ type: 'asset', fileName: 'sw.js', source: chunk.code });
    },
  };
}

/** While it is developed, too, each address below `/admin` is the console. */
function staff(): Plugin {
  return {
    name: 'tebdil-console',
    configureServer: ({ middlewares }) =>
      void middlewares.use((request, _, next) => {
        if (/^\/admin(\/|\?|$)/.test(request.url ?? '')) request.url = '/admin.html';
        next();
      }),
  };
}

const server = process.env.TEBDIL_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte(), worker(), staff()],
  build: {
    target: 'es2022',
    // These know light-dark(): what it is rewritten to for others takes the theme of the root, also in a call.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0, // no `data:` address, so no exception in the policy
    modulePreload: { polyfill: false },
    // The console has a page of its own: who chats loads nothing of it.
    rollupOptions: { input: { index: 'index.html', admin: 'admin.html' } },
  },
  // Of all rooms at once: found one by one, each would load the page anew.
  optimizeDeps: { entries: ['*.html', 'src/**/*.svelte'] },
  server: { proxy: { '/v1': { target: server, ws: true }, '/legal': server } },
});
