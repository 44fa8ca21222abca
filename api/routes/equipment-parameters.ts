/**
 * Process parameters of equipment: whole lists, set as numbered versions, fetched by the equipment with its next online call.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { OneEquipment, ownEquipment } from '../factory/mom-views.ts';
import { notFound, problem, type FieldError } from '../problems.ts';
import { Answer, route } from '../route.ts';
import { wakeSession } from './equipment.ts';
import {
  AfterId,
  AfterLargeId,
  Cause,
  closed,
  Id,
  Limit,
  Moment,
  moment,
  nullable,
  page,
  readPage,
  text,
} from '../schemas.ts';
import { raiseFlag } from '../../db/factory/equipment-flags.ts';
import * as parameters from '../../db/factory/equipment-parameters.ts';
import { markEdge } from '../../db/factory/equipment-sessions.ts';
import { parameterFaults } from '../../workflows/rules/equipment.ts';

const Value = text(100, { description: 'a number as text; empty: none' });
const Bound = Type.Optional(nullable(Value));

const LIMITS = {
  upperControlLimit: Bound,
  lowerControlLimit: Bound,
  upperSpecificationsLimit: Bound,
  lowerSpecificationsLimit: Bound,
  upperLimit: Bound,
  lowerLimit: Bound,
};
const GivenParameter = closed(
  {
    parameterCode: text(100, { minLength: 1, description: 'may be there twice: the order counts' }),
    parameterType: Type.Optional(text(100)),
    targetValue: Value,
    uomCode: Type.Optional(nullable(text(50, { description: 'unit' }))),
    ...LIMITS,
    description: Type.Optional(nullable(text(500))),
    isAvailable: Type.Optional(
      nullable(Type.Boolean({ description: 'usable on the current route (EquipmentAvailabilityFlag)' })),
    ),
  },
  { title: 'NewParameter' },
);
const Parameter = closed(
  {
    parameterCode: Type.String(),
    parameterType: Type.String(),
    targetValue: Type.String(),
    uomCode: nullable(Type.String()),
    upperControlLimit: nullable(Type.String()),
    lowerControlLimit: nullable(Type.String()),
    upperSpecificationsLimit: nullable(Type.String()),
    lowerSpecificationsLimit: nullable(Type.String()),
    upperLimit: nullable(Type.String()),
    lowerLimit: nullable(Type.String()),
    description: nullable(Type.String()),
    isAvailable: nullable(Type.Boolean()),
  },
  { title: 'Parameter' },
);
const Named = Type.Optional(nullable(text(200)));
const NewList = closed(
  {
    label: Type.Optional(text(50, { minLength: 1, description: 'ParamVersion; `V` and the number unless given' })),
    productDesc: Named,
    firstArticleNum: Named,
    debugNum: Named,
    parameters: Type.Array(GivenParameter, { maxItems: 1_000, description: 'the whole list, in order' }),
    /** Two people at once. */
    basedOn: Type.Optional(
      Type.Integer({ minimum: 0, description: 'version you changed; refused when there is a newer one' }),
    ),
    cause: Cause,
  },
  {
    title: 'NewParameters',
    examples: [
      {
        productDesc: 'YF-KH-A',
        parameters: [
          {
            parameterCode: 'FWELD00001',
            parameterType: 'Process',
            targetValue: '12.50',
            uomCode: 'W',
            lowerSpecificationsLimit: '11',
            upperSpecificationsLimit: '14',
            description: 'welding power',
          },
        ],
      },
    ],
  },
);
const List = closed(
  {
    version: Type.Integer(),
    label: Type.String({ description: 'ParamVersion' }),
    productDesc: nullable(Type.String()),
    firstArticleNum: nullable(Type.String()),
    debugNum: nullable(Type.String()),
    setAt: Moment,
    setBy: Type.String(),
    cause: Type.String(),
    parameters: Type.Array(Parameter),
  },
  { title: 'Parameters' },
);

function show({ id: _id, equipmentId: _equipmentId, setAt, parameters, ...row }: parameters.ParametersRow) {
  return {
    ...row,
    setAt: moment(setAt),
    parameters: parameters.map(({ equipmentAvailabilityFlag: flag, ...parameter }) => ({
      ...parameter,
      isAvailable: flag === null ? null : flag === 'TRUE',
    })),
  };
}

export const equipmentParameterRoutes = [
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/parameters',
    id: 'getEquipmentParameters',
    tag: 'equipment',
    summary: 'The parameters of an equipment: the newest, or those of a version',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({ version: Type.Optional(Id) }),
    status: 200,
    response: List,
    handle: async ({ params, query, caller }, { db }) => {
      const equipment = await ownEquipment(db, caller.departmentId, params.code);
      const version = query.version ?? equipment.parametersVersion;
      const row = version === 0 ? null : await parameters.findParameters(db, equipment.id, version);
      if (row === null) throw notFound(`version ${version} of the parameters of`, equipment.code);
      return show(row);
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/equipment/{code}/parameters',
    id: 'setEquipmentParameters',
    tag: 'equipment',
    summary: 'Set the parameters of an equipment as a new version',
    description:
      'The whole list. The equipment is told with its next heartbeat (KeyFlag parameters) until it has fetched it. A target must be within the control and specification limits; numbers are compared as they are written.',
    permission: 'mom:write',
    params: OneEquipment,
    body: NewList,
    bodyLimit: 2 * 1024 * 1024,
    status: 201,
    response: List,
    problems: ['parameters_refused', 'changed_meanwhile'],
    atomic: true,
    idempotent: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db } = services;
      const list = body.parameters.map(
        ({ isAvailable, parameterType = '', uomCode = null, description = null, ...given }) => ({
          ...given,
          parameterType,
          uomCode,
          upperControlLimit: given.upperControlLimit ?? null,
          lowerControlLimit: given.lowerControlLimit ?? null,
          upperSpecificationsLimit: given.upperSpecificationsLimit ?? null,
          lowerSpecificationsLimit: given.lowerSpecificationsLimit ?? null,
          upperLimit: given.upperLimit ?? null,
          lowerLimit: given.lowerLimit ?? null,
          description,
          equipmentAvailabilityFlag: isAvailable == null ? null : isAvailable ? 'TRUE' : 'FALSE',
        }),
      );
      const errors = list.flatMap((parameter, index): FieldError[] =>
        parameterFaults(parameter).map(({ field, message }) => ({
          path: `body.parameters.${index}.${field}`,
          message: `${parameter.parameterCode}: ${message}`,
        })),
      );
      if (errors.length > 0) {
        throw problem('parameters_refused', 'Nothing was set: limits or targets contradict each other.', {
          errors: errors.slice(0, 100),
        });
      }
      const { departmentId, department, name: author } = caller;
      const equipment = await ownEquipment(db, departmentId, params.code, { lock: true });
      if (body.basedOn !== undefined && body.basedOn !== equipment.parametersVersion) {
        const detail = `The newest version is ${equipment.parametersVersion}, you changed ${body.basedOn}. Look at what changed, and set your list again.`;
        throw problem('changed_meanwhile', detail);
      }
      const { id: equipmentId, code } = equipment;
      const { label = null, productDesc = null, firstArticleNum = null, debugNum = null, cause = '' } = body;
      const row = await parameters.setParameters(db, {
        equipmentId,
        label,
        productDesc,
        firstArticleNum,
        debugNum,
        parameters: list,
        author,
        cause,
      });
      await raiseFlag(db, { equipmentId, action: 'parameters', author, cause: `version ${row.version}` });
      const after = { version: row.version, label: row.label, parameters: list.length, cause };
      await audit(db, input, { kind: 'equipmentParameters', id: code, after });
      if (equipment.state !== 'never') {
        await markEdge(db, equipmentId);
        services.afterCommit(() => wakeSession(services, { equipmentId, code, department }, 'parameters'));
      }
      const location = `/api/v1/equipment/${encodeURIComponent(code)}/parameters?version=${row.version}`;
      return new Answer(show(row), { headers: { Location: location } });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/parameter-versions',
    id: 'listEquipmentParameterVersions',
    tag: 'equipment',
    summary: 'Versions of the parameters of an equipment, newest first',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(
      closed(
        {
          version: Type.Integer(),
          label: Type.String(),
          count: Type.Integer({ description: 'parameters in it' }),
          setAt: Moment,
          setBy: Type.String(),
          cause: Type.String(),
          fetchedAt: nullable(
            Type.String({ format: 'date-time', description: 'when the equipment first fetched it; null: never' }),
          ),
        },
        { title: 'ParameterVersion' },
      ),
      'ParameterVersionPage',
    ),
    handle: async ({ params, query: { limit, after }, caller }, { db }) => {
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      return readPage(
        limit,
        (limit) => parameters.listParameterVersions(db, id, { before: after, limit }),
        (row) => ({ ...row, setAt: moment(row.setAt) }),
        ({ version }) => version,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/parameter-fetches',
    id: 'listEquipmentParameterFetches',
    tag: 'equipment',
    summary: 'When which version of the parameters was fetched, newest first',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          version: Type.Integer(),
          at: Moment,
          employeeNo: Type.String(),
          software: Type.String(),
          address: Type.String(),
        },
        { title: 'ParameterFetch' },
      ),
      'ParameterFetchPage',
    ),
    handle: async ({ params, query: { limit, after }, caller }, { db }) => {
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      return readPage(
        limit,
        (limit) => parameters.listFetches(db, id, { before: after, limit }),
        ({ equipmentId: _equipmentId, at, ...row }) => ({ ...row, at: moment(at) }),
        ({ id }) => id,
      );
    },
  }),
];
