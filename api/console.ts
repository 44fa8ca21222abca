/**
 * The console's files: the page for every address that a person may open, and its scripts and styles, compressed when
 * they were built. They need no key: everything they show comes from the API.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { setRouteId } from './http/requests.ts';

/** Where the console lies once it is built. */
export interface ConsoleFiles {
  folder: string;
  /** Settles when it is built; until then the page says so. Null: it cannot be built here. */
  failure: () => string | null;
}

/** Addresses that are somebody else's, and stay problem+json when there is nothing. */
const NOT_PAGES = /^\/(api|docs|openapi\.json|metrics|healthz|readyz|assets)(\/|$)/;
const ASSET = /^[\w-]+(\.[\w-]+)*\.(js|css|svg|woff2|png)$/;
const TYPES: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
  png: 'image/png',
};
const YEAR = 'public, max-age=31536000, immutable';

/** Serves the console; what it does not know is left to whoever comes after. */
export function consolePages({ folder, failure }: ConsoleFiles): Router {
  const asset: RequestHandler<{ name: string }> = async (request, response, next) => {
    const { name } = request.params;
    if (!ASSET.test(name)) return next();
    setRouteId(response, 'getConsoleAsset');
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]!;
    if (!(await sendFile(request, response, join(folder, 'assets', name), type, YEAR))) next();
  };
  const page: RequestHandler = async (request, response, next) => {
    if (NOT_PAGES.test(request.path) || request.accepts(['json', 'html']) !== 'html') return next();
    setRouteId(response, 'getConsole');
    if (await sendFile(request, response, join(folder, 'index.html'), 'text/html; charset=utf-8', 'no-cache')) return;
    response.status(503).set({ 'Cache-Control': 'no-store', 'Retry-After': '5', Refresh: '3' });
    response.type('html').send(notBuilt(failure()));
  };
  return Router().get('/assets/:name', asset).get(/.*/, page);
}

/** Sends a file in the smallest form the client takes; false when there is none. */
async function sendFile(request: Request, response: Response, file: string, type: string, caching: string) {
  const encoding = request.acceptsEncodings(['br', 'gzip', 'identity']);
  const suffix = encoding === 'br' ? '.br' : encoding === 'gzip' ? '.gz' : '';
  const compressed = suffix === '' ? null : await readFile(file + suffix).catch(() => null);
  const bytes = compressed ?? (await readFile(file).catch(() => null));
  if (bytes === null) return false;
  response.set({ 'Content-Type': type, 'Cache-Control': caching, Vary: 'Accept-Encoding' });
  if (compressed !== null) response.set('Content-Encoding', suffix === '.br' ? 'br' : 'gzip');
  response.end(bytes);
  return true;
}

function notBuilt(failure: string | null): string {
  const words =
    failure === null
      ? '<p>The console is being built. This page reloads by itself.</p><p lang="zh">控制台正在构建，本页面会自动刷新。</p>'
      : `<p>The console could not be built: ${escape(failure)}</p><p>Run <code>npm run build</code>. The API works; see <a href="/docs">/docs</a>.</p>`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Slipway</title></head><body>${words}</body></html>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
