import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reasonText } from '../../api/upgrades/reasons.ts';
import { QUARANTINE_REASONS } from '../../workflows/rules/agents.ts';
import { PLATFORM_REASONS } from '../../workflows/rules/platforms.ts';
import { SHIPMENT_REASONS } from '../../workflows/rules/shipments.ts';
import { FAILURE_CODES } from '../../workflows/rules/retry.ts';
import { REFUSAL_REASONS, WAITING_REASONS } from '../../workflows/rules/statuses.ts';

/** Reasons and notes as they stand in the sources of workflows and queries. */
function writtenReasons(): string[] {
  const folders = ['workflows', 'activities', 'db'].map((name) => new URL(`../../${name}/`, import.meta.url));
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .map((name) => new URL(name, folder)),
  );
  const patterns = [/\b(?:reason|note)(?::| =) '([a-z_]+)'/g, /\bsystem\('[a-z]+', '([a-z_]+)'/g];
  const found = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, reason]) => reason!));
  });
  return [...new Set(found)];
}

describe('the words for reasons', () => {
  it.each([...WAITING_REASONS, ...REFUSAL_REASONS, ...FAILURE_CODES])('exist for %s', (reason) => {
    expect(reasonText(reason)).toMatch(/\w+ \w+/);
  });

  it('exist for every reason that is stored anywhere', () => {
    const reasons = [...writtenReasons(), 'cancelled_by_operator', 'skipped_by_operator'];
    expect(reasons.length).toBeGreaterThan(10);
    // Shipments and agents have words of their own.
    const others = new Set<string>([
      ...Object.keys(PLATFORM_REASONS),
      ...Object.keys(SHIPMENT_REASONS),
      ...QUARANTINE_REASONS,
    ]);
    expect(reasons.filter((reason) => reasonText(reason) === null && !others.has(reason))).toEqual([]);
  });

  it('do not exist for what nobody wrote', () => {
    expect(reasonText(null)).toBeNull();
    expect(reasonText('toString')).toBeNull();
    expect(reasonText('no such reason')).toBeNull();
  });
});
