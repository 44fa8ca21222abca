/**
 * Measurements people can repeat. `npm run bench` measures all areas and writes one report of them, each figure beside a
 * bare baseline of the same run; `npm run bench -- <area>` measures one area, with options of its own.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { listOf, settingsOf, type Area } from './area.ts';
import { AREA_NAMES, areaOf } from './areas.ts';
import { jsonOf, markdownOf, type Report } from './report.ts';
import { measureAreas, type Chosen } from './run.ts';

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  areas: { type: 'string' },
  markdown: { type: 'string' },
  json: { type: 'string' },
  limit: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const HELP = `npm run bench [-- options]             all areas, about ten minutes on two idle cores
npm run bench -- <area> [options]      one area

  --areas NAMES     only these, with commas: ${AREA_NAMES.join(', ')}
  --quick           smaller sizes, two to three minutes
  --markdown FILE   writes the report that is printed
  --json FILE       writes it for programs
  --limit MINUTES   an area that takes longer has failed (15 when several are measured)
  --help            this; after the name of an area its own options

Ends with 0 when everything was measured, goals met or not; 1 when an area failed; 130 after Ctrl-C, with what was
measured until then.`;

/** Limit of one area when several are measured: ten times what it takes, for slow machines. */
const LIMIT_MINUTES = 15;
/** npm passes Ctrl-C on although the terminal has done so: the second of one press is no second press. */
const SAME_PRESS_MS = 1_000;

/** What the command line asks for. */
interface Order {
  chosen: Chosen[];
  isQuick: boolean;
  limitMs: number;
  markdown: string | undefined;
  json: string | undefined;
}

try {
  const order = await orderOf(process.argv.slice(2));
  if (order !== null) process.exitCode = await run(order);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\nnpm run bench -- --help says what can be asked for\n`);
  process.exitCode = 2;
}

/** Reads the command line; null: help was all that was asked for. */
async function orderOf(args: string[]): Promise<Order | null> {
  const [first = ''] = args;
  const area = first === '' || first.startsWith('-') ? null : await areaOf(first);
  const own = Object.fromEntries(Object.keys(area?.settings ?? {}).map((key) => [key, { type: 'string' as const }]));
  const { values, positionals } = parseArgs({
    args: area === null ? args : args.slice(1),
    options: { ...own, ...OPTIONS },
    allowPositionals: area !== null,
  });
  if (values.help) {
    process.stdout.write(`${area === null ? HELP : helpOf(area)}\n`);
    return null;
  }
  if (area !== null && values.areas !== undefined) throw new Error(`--areas does not go with one area, ${area.name}`);
  const areas = area === null ? await Promise.all(namesOf(values.areas).map(areaOf)) : [area];
  const minutes = values.limit ?? (areas.length > 1 ? String(LIMIT_MINUTES) : undefined);
  if (minutes !== undefined && !(Number(minutes) > 0)) throw new Error(`--limit takes minutes, not ${minutes}`);
  const { quick: isQuick, markdown, json } = values;
  const given = Object.fromEntries(
    Object.keys(own).flatMap((key) => {
      const value = (values as Record<string, unknown>)[key];
      return typeof value === 'string' ? [[key, value]] : [];
    }),
  );
  const chosen = areas.map((each) => ({
    area: each,
    settings: settingsOf(each, { given, numbers: positionals, isQuick }),
  }));
  const limitMs = minutes === undefined ? Number.POSITIVE_INFINITY : Number(minutes) * 60_000;
  return { chosen, isQuick, limitMs, markdown, json };
}

/** In the order of the report, whatever the order they were named in. */
function namesOf(areas: string | undefined): string[] {
  const named = areas === undefined ? AREA_NAMES : listOf(areas);
  const unknown = named.find((name) => !AREA_NAMES.includes(name));
  if (unknown !== undefined || named.length === 0) throw new Error(`--areas takes ${AREA_NAMES.join(', ')}`);
  return AREA_NAMES.filter((name) => named.includes(name));
}

function helpOf({ name, title, settings, positional }: Area): string {
  const rows = Object.entries(settings).map(([key, { means, full, quick = full }]) => {
    const sizes = full === quick ? full : `${full}, quick: ${quick}`;
    return `  --${key.padEnd(14)} ${means}${sizes === '' ? '' : ` (${sizes})`}`;
  });
  const numbers = positional === undefined ? '' : ` [${positional} …]`;
  return `npm run bench -- ${name}${numbers} [options]      ${title}\n\n${rows.join('\n')}\n\n--quick, --markdown, --json and --limit as for all areas.`;
}

/** Measures and writes; the exit code. */
async function run({ chosen, isQuick, limitMs, markdown, json }: Order): Promise<number> {
  const files = [
    ...(markdown === undefined ? [] : [{ path: markdown, text: markdownOf }]),
    ...(json === undefined ? [] : [{ path: json, text: jsonOf }]),
  ];
  // Before anything is measured: a wrong path must not be found out ten minutes later.
  for (const { path } of files) writeFileSync(path, '', { flag: 'a' });
  let latest: Report | null = null;
  const interrupted = new AbortController();
  let firstPressMs = 0;
  const interrupt = () => {
    if (!interrupted.signal.aborted) {
      firstPressMs = performance.now();
      process.stderr.write('ending what runs, then the report follows; once more ends at once\n');
      interrupted.abort();
    } else if (performance.now() - firstPressMs > SAME_PRESS_MS) {
      if (latest !== null) process.stdout.write(markdownOf(latest));
      process.exit(130); // the process of the area ends by itself
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  const report = await measureAreas(chosen, {
    sizes: isQuick ? 'quick' : 'full',
    limitMs,
    interrupted: interrupted.signal,
    onArea: (soFar) => {
      latest = soFar;
      for (const { path, text } of files) writeFileSync(path, text(soFar));
    },
  });
  process.stdout.write(markdownOf(report));
  if (interrupted.signal.aborted) return 130;
  return report.areas.some(({ state }) => state === 'failed') ? 1 : 0;
}
