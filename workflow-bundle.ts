/**
 * The workflows as the one file a worker runs. Making it takes seconds, so it is kept until a source file or the SDK
 * changes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundle } from '@temporalio/worker';

const KEPT_BUNDLES = 5;
// Paths in strings are not rewritten by the compiler: whether we are source or compiled shows in our own name.
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const folder = fileURLToPath(new URL('workflows', import.meta.url));

/** The bundle, from `cacheDir` if it is there. */
export async function loadWorkflowBundle(cacheDir: string): Promise<WorkflowBundle> {
  const path = join(cacheDir, `workflows-${workflowBuildId()}.js`);
  try {
    return { code: readFileSync(path, 'utf8') };
  } catch {
    const bundle = await bundleWorkflowCode({ workflowsPath: join(folder, `index.${extension}`), logger: quiet });
    mkdirSync(cacheDir, { recursive: true });
    writeFileSync(`${path}.${process.pid}`, bundle.code);
    renameSync(`${path}.${process.pid}`, path);
    forgetOldBundles(cacheDir);
    return bundle;
  }
}

/**
 * What names the code of the workflows: changes with them and with the SDK, and with nothing else of the program that a
 * running workflow could notice.
 */
export function workflowBuildId(): string {
  const hash = createHash('sha256').update(process.version);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith(`.${extension}`),
  );
  for (const name of names.sort()) hash.update(name).update(readFileSync(join(folder, name)));
  hash.update(readFileSync(createRequire(import.meta.url).resolve('@temporalio/workflow/package.json')));
  return hash.digest('hex').slice(0, 16);
}

/** Each change of a workflow leaves a bundle behind; whoever needs an old one makes it again. */
function forgetOldBundles(cacheDir: string): void {
  const newestFirst = readdirSync(cacheDir)
    .filter((name) => /^workflows-[0-9a-f]{16}\.js$/.test(name))
    .map((name) => join(cacheDir, name))
    .map((path) => ({ path, madeAtMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .toSorted((a, b) => b.madeAtMs - a.madeAtMs);
  for (const { path } of newestFirst.slice(KEPT_BUNDLES)) rmSync(path, { force: true });
}

const ignore = () => {};
/** The bundler tells of every asset; only its errors matter, and those it throws. */
const quiet = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
