/** Runs the command line as people do: as a process of its own, with a configuration folder of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../cli/slipway.js', import.meta.url));

export interface Finished {
  code: number | null;
  out: string;
  errors: string;
  /** The output as one JSON document. */
  json: () => any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers of every shape
  /** The output as JSON, line by line. */
  lines: () => any[]; // oxlint-disable-line typescript/no-explicit-any -- see above
}

/** A command under way. */
export interface Running {
  finished: Promise<Finished>;
  /** What it has printed until now. */
  readonly out: string;
  readonly errors: string;
  signal(signal: NodeJS.Signals): void;
}

/** A person at a terminal: what they have stored, and what they type. */
export class Person {
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-cli-'));
  readonly environment: Record<string, string>;

  constructor(environment: Record<string, string> = {}) {
    this.environment = environment;
  }

  get configFile(): string {
    return join(this.folder, 'slipway', 'config.json');
  }

  start(args: readonly string[], input: string | Buffer = ''): Running {
    const { SLIPWAY_URL: _url, SLIPWAY_KEY: _key, ...inherited } = process.env;
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...inherited, XDG_CONFIG_HOME: this.folder, ...this.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const texts = { out: '', errors: '' };
    child.stdout.on('data', (chunk) => (texts.out += String(chunk)));
    child.stderr.on('data', (chunk) => (texts.errors += String(chunk)));
    // A command that does not read what is typed is no error.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const finished = new Promise<Finished>((resolve) => {
      child.once('close', (code) => {
        const { out, errors } = texts;
        const lines = () => out.split('\n').filter(Boolean);
        resolve({
          code,
          out,
          errors,
          json: () => JSON.parse(out),
          lines: () => lines().map((line) => JSON.parse(line)),
        });
      });
    });
    return {
      finished,
      get out() {
        return texts.out;
      },
      get errors() {
        return texts.errors;
      },
      signal: (signal) => void child.kill(signal),
    };
  }

  run(args: readonly string[], input: string | Buffer = ''): Promise<Finished> {
    return this.start(args, input).finished;
  }

  leave(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
