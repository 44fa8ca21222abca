/**
 * The life of one device in one answer: where it came from, what it ran, what runs, what is planned, what people decided;
 * and the short answer to "why did this one not upgrade?".
 */
import { DeviceId, showDevice } from '../devices/device-views.ts';
import {
  isPlanned,
  iso,
  Lineage,
  showLineageUpgrade,
  showPlanned,
  showShipping,
  showWhy,
  Why,
} from '../upgrades/lineage-views.ts';
import { notFound } from '../problems.ts';
import { route } from '../route.ts';
import { closed, moment } from '../schemas.ts';
import { findDevice } from '../../db/devices/devices.ts';
import * as lineage from '../../db/devices/lineage.ts';
import { upgradeWorkflowId } from '../../workflows/contract.ts';

const Params = closed({ deviceId: DeviceId });

export const lineageRoutes = [
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}/lineage',
    id: 'getDeviceLineage',
    tag: 'devices',
    summary: 'The life of a device: registration, versions, upgrades, plans, decisions',
    description: `The latest ${lineage.LINEAGE_ROWS} of each; the links lead to the full lists.`,
    permission: 'device:read',
    params: Params,
    status: 200,
    response: Lineage,
    handle: async ({ params: { deviceId }, caller: { departmentId } }, { db, executions }) => {
      const found = await findDevice(db, departmentId, deviceId);
      if (found === null) throw notFound('device', deviceId);
      const [standing, versions, upgrades, decisions, changes] = await Promise.all([
        lineage.findStanding(db, departmentId, deviceId),
        lineage.listVersionSpans(db, deviceId),
        lineage.listLineageUpgrades(db, departmentId, deviceId),
        lineage.listDecisions(db, departmentId, deviceId),
        lineage.listRegistrationChanges(db, departmentId, deviceId),
      ]);
      const { device, contact } = found;
      const shipping = await lineage.readShipping(db, departmentId, device.imei);
      const execution = executions.executionUrl(upgradeWorkflowId(deviceId));
      const { links } = showDevice(device, execution);
      const running = upgrades.find(({ dispatchedMs, finishedMs }) => dispatchedMs !== null && finishedMs === null);
      return {
        why: showWhy(standing),
        registration: {
          deviceId,
          protocol: device.protocol,
          identity: device.identity,
          imei: device.imei,
          model: device.model,
          remark: device.remark,
          registeredAt: moment(device.createdAt),
          registeredBy: device.createdBy,
          updatedAt: moment(device.updatedAt),
        },
        shipment: {
          orderNo: device.orderNo,
          productionDate: device.productionDate,
          shipDate: device.shipDate,
          ...showShipping(shipping),
        },
        registrationChanges: changes.map(({ atMs, ...change }) => ({ at: iso(atMs), ...change })),
        contact: contact && {
          lastSeenAt: moment(contact.lastSeenAt),
          address: contact.address,
          gateway: contact.gateway,
          bytesPerSecond: contact.bytesPerSecond,
          details: contact.details,
        },
        versions: versions.map(({ firstReportedMs, lastReportedMs, ...span }) => ({
          ...span,
          firstReportedAt: iso(firstReportedMs),
          lastReportedAt: iso(lastReportedMs),
        })),
        running: running === undefined ? null : showLineageUpgrade(running, executions, deviceId),
        planned: upgrades.filter(isPlanned).toReversed().map(showPlanned),
        upgrades: upgrades
          .filter((upgrade) => !isPlanned(upgrade))
          .map((upgrade) => showLineageUpgrade(upgrade, executions, deviceId)),
        decisions: decisions.map(({ atMs, ...decision }) => ({ at: iso(atMs), ...decision })),
        links: {
          self: `${links.self}/lineage`,
          device: links.self,
          upgrades: links.upgrades,
          versionUploads: links.versionUploads,
          why: `${links.self}/why`,
          execution,
        },
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}/why',
    id: 'explainDevice',
    tag: 'devices',
    summary: 'Why did this device not upgrade? One sentence',
    permission: 'device:read',
    params: Params,
    status: 200,
    response: Why,
    handle: async ({ params: { deviceId }, caller: { departmentId } }, { db }) => {
      if ((await findDevice(db, departmentId, deviceId)) === null) throw notFound('device', deviceId);
      return showWhy(await lineage.findStanding(db, departmentId, deviceId));
    },
  }),
];
