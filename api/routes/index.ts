/**
 * Every route there is: what the app mounts and the OpenAPI document describes.
 */
import { agentCallRoutes } from './agent-calls.ts';
import { agentRoutes } from './agents.ts';
import { attentionRoutes } from './attention.ts';
import { auditRoutes } from './audit.ts';
import { classificationRoutes } from './classification.ts';
import { reclassificationRoutes } from './reclassifications.ts';
import { deviceCommandRoutes } from './device-commands.ts';
import { deviceBulkRoutes } from './device-bulk.ts';
import { deviceRegistrationRoutes } from './device-registration.ts';
import { deviceTrafficRoutes } from './device-traffic.ts';
import { deviceUpgradeRoutes } from './device-upgrades.ts';
import { deviceRoutes } from './devices.ts';
import { equipmentAlarmRoutes } from './equipment-alarms.ts';
import { equipmentCallRoutes } from './equipment-calls.ts';
import { equipmentEmployeeRoutes } from './equipment-employees.ts';
import { equipmentFlagRoutes } from './equipment-flags.ts';
import { equipmentParameterRoutes } from './equipment-parameters.ts';
import { equipmentStatusRoutes } from './equipment-status.ts';
import { equipmentRoutes } from './equipment.ts';
import { eventRoutes } from './events.ts';
import { firmwareRoutes } from './firmware.ts';
import { lineageRoutes } from './lineage.ts';
import { mesImportRoutes } from './mes-import.ts';
import { mesSyncRoutes } from './mes-sync.ts';
import { mesRoutes } from './mes.ts';
import { operationsRoutes } from './operations.ts';
import { peopleRoutes } from './people.ts';
import { platformAttentionRoutes } from './platform-attention.ts';
import { platformRoutes } from './platforms.ts';
import { platformShipmentRoutes } from './platform-shipments.ts';
import { sessionRoutes } from './session.ts';
import { settingRoutes } from './settings.ts';
import { shipmentRoutes } from './shipments.ts';
import { cellRoutes } from './cells.ts';
import { trayRoutes } from './trays.ts';
import { taskControlRoutes } from './task-controls.ts';
import { triggerRoutes } from './triggers.ts';
import { taskRoutes } from './upgrade-tasks.ts';
import { webhookDeliveryRoutes } from './webhook-deliveries.ts';
import { webhookRoutes } from './webhooks.ts';
import type { Route } from '../route.ts';

export const routes: readonly Route[] = [
  ...operationsRoutes,
  ...sessionRoutes,
  ...peopleRoutes,
  ...auditRoutes,
  ...settingRoutes,
  ...deviceRoutes,
  ...deviceRegistrationRoutes,
  ...deviceBulkRoutes,
  ...deviceTrafficRoutes,
  ...firmwareRoutes,
  ...taskRoutes,
  ...taskControlRoutes,
  ...deviceUpgradeRoutes,
  ...deviceCommandRoutes,
  ...attentionRoutes,
  ...lineageRoutes,
  ...mesRoutes,
  ...mesSyncRoutes,
  ...mesImportRoutes,
  ...shipmentRoutes,
  ...classificationRoutes,
  ...reclassificationRoutes,
  ...triggerRoutes,
  ...platformRoutes,
  ...platformShipmentRoutes,
  ...platformAttentionRoutes,
  ...equipmentRoutes,
  ...equipmentStatusRoutes,
  ...equipmentAlarmRoutes,
  ...equipmentParameterRoutes,
  ...equipmentFlagRoutes,
  ...equipmentCallRoutes,
  ...equipmentEmployeeRoutes,
  ...cellRoutes,
  ...trayRoutes,
  ...agentRoutes,
  ...agentCallRoutes,
  ...eventRoutes,
  ...webhookRoutes,
  ...webhookDeliveryRoutes,
];

/** What every process answers, whatever its role. */
export const probes: readonly Route[] = operationsRoutes.filter(
  ({ path }) => path === '/healthz' || path === '/readyz',
);
