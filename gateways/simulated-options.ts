/**
 * What the command lines of all simulators share: how options are read.
 */
import { InvalidArgumentError } from 'commander';

/** A time in milliseconds that a timer can hold. */
export const TIMER_MS_MAX = 2_147_483_647;

/** A whole number within bounds. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number ${min}..${max}.`);
    }
    return value;
  };
}

/** A part of the whole, 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('It must be a number 0..1.');
  return value;
}

/** 15 digits. */
export function imei(text: string): string {
  if (!/^\d{15}$/.test(text)) throw new InvalidArgumentError('It must have 15 digits.');
  return text;
}
