/**
 * A process of a measurement: a server that is measured, the bare one beside it, or the load on both. It ends with the
 * process that started it (`processes.ts`).
 */

const ROLES: Readonly<Record<string, () => Promise<() => unknown>>> = {
  gateway: async () => (await import('./packet-servers.ts')).serveGateway,
  bare: async () => (await import('./packet-servers.ts')).serveBare,
  load: async () => (await import('./packet-load.ts')).load,
  'ftp-server': async () => (await import('./packet-ftp.ts')).serveFtp,
  'ftp-bare': async () => (await import('./packet-ftp.ts')).serveBare,
  'ftp-load': async () => (await import('./packet-ftp.ts')).serveLoad,
  'pcp-gateway': async () => (await import('./packet-pcp.ts')).serveGateway,
  'pcp-bare': async () => (await import('./packet-pcp.ts')).serveBare,
  'pcp-load': async () => (await import('./packet-pcp.ts')).serveLoad,
  'bare-http': async () => (await import('./bare-http.ts')).serveBareHttp,
};

const [role = ''] = process.argv.slice(2);
const load = ROLES[role];
if (load === undefined) throw new Error(`there is no role ${role}`);
const serve = await load();
await serve();
