/**
 * Questions to whoever sits in front of the terminal.
 */
import { createInterface } from 'node:readline';
import { EXIT, Failure } from './failures.ts';

/** A person can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks for a line; an empty answer is the default. */
export async function ask(question: string, fallback: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      lines.once('SIGINT', () => reject(interrupted())).once('close', () => reject(interrupted()));
      lines.question(`${question} [${fallback}] `, resolve);
    });
    return answer.trim() === '' ? fallback : answer.trim();
  } finally {
    lines.close();
  }
}

/** True only for a plain yes. */
export async function confirm(question: string): Promise<boolean> {
  return /^(y|yes)$/i.test(await ask(`${question} (y/n)`, 'n'));
}

/** Asks for a line and shows nothing of it. */
export async function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(`${question} `);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  let typed = '';
  try {
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const character of String(chunk)) {
        if (character === '\r' || character === '\n' || character === '\u0004') return typed.trim();
        if (character === '\u0003') throw interrupted();
        if (character === '\u007f' || character === '\b') typed = typed.slice(0, -1);
        else if (character >= ' ') typed += character;
      }
    }
    return typed.trim();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

/** The first line of what is piped in. */
export async function readPipedLine(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.includes('\n') || text.length > 10_000) break;
  }
  return (text.split(/\r?\n/)[0] ?? '').trim();
}

function interrupted(): Failure {
  return new Failure('Stopped; nothing was changed.', { exitCode: EXIT.interrupted, code: 'interrupted' });
}
