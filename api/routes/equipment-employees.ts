/**
 * Employees who may do by hand at an equipment what needs an account (OpFlag 1).
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { hashPassword } from '../factory/mom-employees.ts';
import { notFound, problem } from '../problems.ts';
import { Answer, route } from '../route.ts';
import { AfterText, closed, Limit, Moment, moment, nullable, page, readPage, text } from '../schemas.ts';
import * as employees from '../../db/factory/equipment-employees.ts';

const Number = text(50, { minLength: 1, pattern: '^[^\\u0000-\\u0020/\\\\.][^\\u0000-\\u0020/\\\\]*$' });
const Name = text(100);
const Password = text(200, { minLength: 1, description: 'kept as a salted hash' });
const One = closed({ number: text(128, { minLength: 1, description: 'EmployeeNo' }) });
const Employee = closed(
  {
    number: Type.String({ description: 'EmployeeNo' }),
    name: Type.String(),
    hasPassword: Type.Boolean(),
    isActive: Type.Boolean({ description: 'false: may do nothing' }),
    createdAt: Moment,
    createdBy: Type.String(),
    updatedAt: Moment,
  },
  { title: 'Employee' },
);

function show({ departmentId: _departmentId, passwordHash, createdAt, updatedAt, ...row }: employees.EmployeeRow) {
  return { ...row, hasPassword: passwordHash !== null, createdAt: moment(createdAt), updatedAt: moment(updatedAt) };
}

export const equipmentEmployeeRoutes = [
  route({
    method: 'get',
    path: '/api/v1/equipment-employees',
    id: 'listEquipmentEmployees',
    tag: 'equipment',
    summary: 'List the employees who may operate equipment by hand',
    permission: 'device:read',
    query: closed({ limit: Limit, after: AfterText }),
    status: 200,
    response: page(Employee, 'EmployeePage'),
    handle: ({ query: { limit, after = '' }, caller }, { db }) =>
      readPage(
        limit,
        (limit) => employees.listEmployees(db, caller.departmentId, { after, limit }),
        show,
        ({ number }) => number,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/equipment-employees',
    id: 'createEquipmentEmployee',
    tag: 'equipment',
    summary: 'Add an employee',
    permission: 'mom:write',
    body: closed(
      { number: Number, name: Type.Optional(Name), password: Type.Optional(Password) },
      { title: 'NewEmployee', examples: [{ number: 'E0001', name: '李雷' }] },
    ),
    status: 201,
    response: Employee,
    problems: ['name_taken'],
    atomic: true,
    idempotent: true,
    handle: async (input, { db }) => {
      const { body, caller } = input;
      const { number, name = '', password } = body;
      const { departmentId, name: createdBy } = caller;
      const passwordHash = password === undefined ? null : await hashPassword(password);
      const row = await employees.createEmployee(db, { departmentId, number, name, passwordHash, createdBy });
      if (row === null) throw problem('name_taken', `There is an employee ${number} already.`);
      await audit(db, input, { kind: 'employee', id: number, after: { name, hasPassword: passwordHash !== null } });
      return new Answer(show(row), {
        headers: { Location: `/api/v1/equipment-employees/${encodeURIComponent(number)}` },
      });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment-employees/{number}',
    id: 'getEquipmentEmployee',
    tag: 'equipment',
    summary: 'Show an employee',
    permission: 'device:read',
    params: One,
    status: 200,
    response: Employee,
    handle: async ({ params: { number }, caller }, { db }) => {
      const row = await employees.findEmployee(db, caller.departmentId, number);
      if (row === null) throw notFound('employee', number);
      return show(row);
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/equipment-employees/{number}',
    id: 'updateEquipmentEmployee',
    tag: 'equipment',
    summary: 'Change an employee, or the password',
    permission: 'mom:write',
    params: One,
    body: closed(
      {
        name: Type.Optional(Name),
        password: Type.Optional(nullable(Password)),
        isActive: Type.Optional(Type.Boolean()),
      },
      { title: 'EmployeeChange', minProperties: 1, examples: [{ isActive: false }] },
    ),
    status: 200,
    response: Employee,
    atomic: true,
    handle: async (input, { db }) => {
      const { params, body, caller } = input;
      const { number } = params;
      const { departmentId } = caller;
      const before = await employees.findEmployee(db, departmentId, number);
      if (before === null) throw notFound('employee', number);
      const { password, name, isActive } = body;
      const change = {
        ...(name !== undefined && { name }),
        ...(isActive !== undefined && { isActive }),
        ...(password !== undefined && { passwordHash: password === null ? null : await hashPassword(password) }),
      };
      const row = await employees.changeEmployee(db, { departmentId, number }, change);
      if (row === null) throw notFound('employee', number);
      const said = (each: employees.EmployeeRow) => ({ name: each.name, isActive: each.isActive });
      const after = { ...said(row), ...(password !== undefined && { setsPassword: true }) };
      await audit(db, input, { kind: 'employee', id: number, before: said(before), after });
      return show(row);
    },
  }),
];
