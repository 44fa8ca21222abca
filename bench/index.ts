/**
 * Measurements people can repeat: `npm run bench -- packets | upgrades | rollout | mes | mom`. Each prints its figures,
 * beside those of a bare baseline in the same run where there is one, and exits.
 */

interface Bench {
  run(args: string[]): Promise<void>;
}

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  packets: () => import('./packets.ts'),
  upgrades: () => import('./upgrades.ts'),
  rollout: () => import('./rollout.ts'),
  mes: () => import('./mes.ts'),
  mom: () => import('./mom.ts'),
};

const [name = '', ...args] = process.argv.slice(2);
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (load === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(BENCHES).join('|')}> [options]`);
  process.exitCode = 2;
} else {
  const bench = await load();
  await bench.run(args);
}
