import { afterEach, beforeEach, expect, test } from 'vitest';
import { Standstills } from '../../gateways/standstills.ts';

let nowMs: { steady: number; wall: number };
let heard: number[];
let standstills: Standstills;
let end: () => void;

beforeEach(() => {
  nowMs = { steady: 1_000, wall: 50_000 };
  heard = [];
  standstills = new Standstills(() => [nowMs.steady, nowMs.wall]);
  end = standstills.subscribe((forMs) => heard.push(forMs));
});
afterEach(() => end());

function pass(ms: number, clocks: readonly ('steady' | 'wall')[] = ['steady', 'wall']): void {
  for (const clock of clocks) nowMs[clock] += ms;
}

test('a process that looks often enough never stood still', () => {
  for (let beat = 0; beat < 100; beat++) {
    pass(900);
    standstills.look();
  }
  expect([standstills.all, standstills.long, standstills.isDeaf, heard]).toEqual([0, 0, false, []]);
});

test('a short standstill is counted, and nobody is told', () => {
  pass(4_999);
  expect([standstills.all, standstills.long, standstills.isDeaf, heard]).toEqual([1, 0, false, []]);
});

test('after a long one everybody is told once, and for half a second nobody is listened to', () => {
  pass(5_000);
  standstills.look();
  standstills.look();
  expect([standstills.all, standstills.long, heard]).toEqual([1, 1, [5_000]]);
  expect(standstills.isDeaf).toBe(true);
  pass(499);
  expect(standstills.isDeaf).toBe(true);
  pass(1);
  expect(standstills.isDeaf).toBe(false);
});

test('a machine that slept shows it by the clock that is set, one whose clock was set back by the steady one', () => {
  pass(7_000, ['wall']);
  standstills.look();
  expect(heard).toEqual([7_000]);
  nowMs.wall -= 3_600_000;
  standstills.look();
  expect(heard).toEqual([7_000]);
  pass(6_000, ['steady']);
  standstills.look();
  expect(heard).toEqual([7_000, 6_000]);
});

test('who does not subscribe any more hears nothing, and time before a subscription does not count', () => {
  end();
  pass(60_000);
  standstills.look();
  end = standstills.subscribe((forMs) => heard.push(forMs));
  standstills.look();
  expect([standstills.all, heard]).toEqual([0, []]);
});
