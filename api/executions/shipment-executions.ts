/**
 * The part of `Executions` that is about shipments: starts their workflows, and those of triggers, and speaks to those
 * of secondary shipments.
 */
import { TypedSearchAttributes } from '@temporalio/common';
import { ExecutionClient, LABELS } from './execution-client.ts';
import {
  FIRE_TRIGGER,
  PLATFORM_VIEW_QUERY,
  PLATFORM_WAKE_SIGNAL,
  SHIP_DEVICES,
  SHIP_TO_PLATFORM,
  firingWorkflowId,
  platformShipmentWorkflowId,
  shipmentWorkflowId,
  type PlatformShipmentView,
} from '../../workflows/contract.ts';

/** Starts and observes the executions of shipments. */
export class ShipmentExecutions extends ExecutionClient {
  /** Starts the workflow of a primary shipment; harmless when it runs already. */
  async startShipment(
    shipmentId: number,
    { department, what, devices }: { department: string; what: string; devices: number },
  ): Promise<void> {
    await this.#start(SHIP_DEVICES, shipmentWorkflowId(shipmentId), {
      args: [{ shipmentId }],
      summary: `${devices} devices: ${what}`,
      department,
    });
  }

  /** Starts the workflow of a trigger that fires; harmless when it runs already. */
  async startFiring(
    triggerId: number,
    cycleId: number,
    { department, name }: { department: string; name: string },
  ): Promise<void> {
    await this.#start(FIRE_TRIGGER, firingWorkflowId(triggerId, cycleId), {
      args: [{ triggerId, cycleId }],
      summary: `${name}: reading ${cycleId} of MES`,
      department,
    });
  }

  /** Starts the workflow of a secondary shipment; harmless when it runs already. */
  async startPlatformShipment(
    shipmentId: number,
    { department, platform, devices }: { department: string; platform: string; devices: number },
  ): Promise<void> {
    await this.#start(SHIP_TO_PLATFORM, platformShipmentWorkflowId(shipmentId), {
      args: [{ shipmentId }],
      summary: `${devices} devices → ${platform}`,
      department,
    });
  }

  /** Tells a secondary shipment that something changed; nothing happens when it does not run. */
  async wakePlatformShipment(shipmentId: number): Promise<void> {
    await this.signal(platformShipmentWorkflowId(shipmentId), PLATFORM_WAKE_SIGNAL);
  }

  /** Live state of a secondary shipment; null when it has ended or cannot be asked now. */
  async platformShipmentView(shipmentId: number): Promise<PlatformShipmentView | null> {
    return this.query<PlatformShipmentView>(platformShipmentWorkflowId(shipmentId), PLATFORM_VIEW_QUERY);
  }

  /** Where a primary shipment can be watched, or null without a Web UI. */
  shipmentUrl(shipmentId: number): string | null {
    return this.executionUrl(shipmentWorkflowId(shipmentId));
  }

  /** Where a secondary shipment can be watched, or null without a Web UI. */
  platformShipmentUrl(shipmentId: number): string | null {
    return this.executionUrl(platformShipmentWorkflowId(shipmentId));
  }

  async #start(
    workflow: string,
    workflowId: string,
    { args, summary, department }: { args: object[]; summary: string; department: string },
  ): Promise<void> {
    await this.client.workflow.start(workflow, {
      workflowId,
      taskQueue: this.taskQueue,
      args,
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: summary.slice(0, 200),
      typedSearchAttributes: new TypedSearchAttributes([{ key: LABELS.department, value: department }]),
    });
  }
}
