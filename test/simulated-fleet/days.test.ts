import { expect, it } from 'vitest';
import { playDays } from './days.ts';

it('devices whose stories take days end as what is true of them, and nothing leaves outside their hours', async () => {
  const { lines, frames, failures } = await playDays(1, 12);
  expect(failures.join('\n\n')).toBe('');
  expect(lines.map(({ kind, devices, right }) => [kind, devices - right])).toEqual(lines.map(({ kind }) => [kind, 0]));
  expect(lines).toHaveLength(6);
  expect(frames).toBeGreaterThanOrEqual(12);
}, 300_000);
