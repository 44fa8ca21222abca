/** Secrets in everything that a program lets out: as they are, and as they look when they are written in another way. */

/** The ways in which a secret may be written. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Inside a longer text the digits of base64 depend on what stands before; the ends are left out, they are others'.
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before, 0x20), bytes])
      .toString('base64')
      .replaceAll('=', '');
    return text.slice(before === 0 ? 0 : before + 1, -1);
  });
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  return [...new Set(forms)].filter(({ length }) => length >= 8);
}

/** Where each secret is found: one sentence each, without the secret. */
export function leaksIn(places: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>>): string[] {
  const leaks: string[] = [];
  for (const [name, secret] of Object.entries(secrets)) {
    const forms = formsOf(secret);
    for (const [place, text] of Object.entries(places)) {
      for (const form of forms) {
        const at = text.indexOf(form);
        if (at < 0) continue;
        const around = text
          .slice(Math.max(0, at - 200), at)
          .split('\n')
          .at(-1);
        leaks.push(`${name} is in ${place}, behind: ${around}`);
        break;
      }
    }
  }
  return leaks;
}
