/**
 * Another build of the program: a copy of its sources in which a workflow does something more. Old histories do not fit
 * to it, so whoever runs them on it fails loudly.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDERS = ['activities', 'api', 'config', 'db', 'embedded', 'gateways', 'metrics', 'workflows'];
const BEFORE = 'async function installFiles(run: Run): Promise<UpgradeOutcome> {\n';

/** How long the step takes that only the second build has: what it is found by in a history. */
export const NEW_STEP_MS = 23;

/** A copy of the program. */
export class SecondBuild {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'slipway-build-')));

  constructor() {
    for (const name of FOLDERS) cpSync(join(root, name), join(this.folder, name), { recursive: true });
    for (const name of readdirSync(root)) {
      if (/\.ts$|^package\.json$|^tsconfig\.json$/.test(name)) cpSync(join(root, name), join(this.folder, name));
    }
    mkdirSync(join(this.folder, 'console'), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
    const path = join(this.folder, 'workflows/upgrade-device.ts');
    const source = readFileSync(path, 'utf8');
    const changed = source.replace(
      BEFORE,
      `${BEFORE}  await condition(() => false, ${NEW_STEP_MS}, { summary: 'a step of the second build' });\n`,
    );
    if (changed === source) throw new Error('the workflow looks different: the second build would be the first');
    writeFileSync(path, changed);
  }

  /** One of its programs. */
  entry(name: 'main.ts' | 'deployment.ts'): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
