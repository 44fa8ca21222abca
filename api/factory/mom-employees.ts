/**
 * Employees at equipment: passwords as salted scrypt, and the check of a manual operation (OpFlag 1).
 */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { findEmployee } from '../../db/factory/equipment-employees.ts';
import type { Db } from '../../db/index.ts';

const KEY_BYTES = 32;
const COST: ScryptOptions = { N: 16_384, r: 8, p: 1 };

/** What is stored of a password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt);
  return `scrypt$${salt.toString('base64')}$${key.toString('base64')}`;
}

async function isPassword(password: string, hash: string): Promise<boolean> {
  const [, salt = '', key = ''] = hash.split('$');
  const expected = Buffer.from(key, 'base64');
  const derived = await derive(password, Buffer.from(salt, 'base64'));
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, COST, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** Why a manual operation is refused: the employee is not known here, or the password is not the right one. */
export type EmployeeRefusal = { failure: string; message: string };

/**
 * Checks who answers for a manual operation. Where the site wants no password, one that is sent is not looked at.
 */
export async function employeeChecked(
  db: Db,
  departmentId: number,
  { employeeNo, password }: { employeeNo: string; password: string | null },
  { isPasswordNeeded }: { isPasswordNeeded: boolean },
): Promise<EmployeeRefusal | null> {
  const number = employeeNo.trim();
  if (number === '') return { failure: 'employee_missing', message: 'OpFlag 1 needs an EmployeeNo' };
  const employee = await findEmployee(db, departmentId, number);
  if (employee?.isActive !== true) return { failure: 'employee_unknown', message: `unknown employee ${number}` };
  if (!isPasswordNeeded) return null;
  if (password === null || password === '') {
    return { failure: 'password_missing', message: 'OpFlag 1 needs the Password of the employee' };
  }
  if (employee.passwordHash === null) {
    return { failure: 'password_not_set', message: `no password is set for employee ${number}` };
  }
  const isRight = await isPassword(password, employee.passwordHash);
  return isRight ? null : { failure: 'password_wrong', message: 'wrong Password' };
}
