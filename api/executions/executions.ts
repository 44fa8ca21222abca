/**
 * The one place that speaks to Temporal as a client: starting, controlling, asking and linking executions.
 */
import { randomUUID } from 'node:crypto';
import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { LABELS } from './execution-client.ts';
import { FactoryExecutions } from './factory-executions.ts';
import {
  ACTIVE_STATUS,
  COMMAND_EDGE_SIGNAL,
  CONTROL_SIGNAL,
  DELIVER_WEBHOOK,
  EDGE_SIGNAL,
  PING_WEBHOOK,
  RETRY_NOW_SIGNAL,
  RETRY_UPDATE,
  RUN_TASK,
  SEND_COMMAND,
  TASK_VIEW_QUERY,
  UPGRADE_DEVICE,
  UPGRADE_VIEW_QUERY,
  commandWorkflowId,
  deliveryWorkflowId,
  taskWorkflowId,
  upgradeWorkflowId,
  type Authorship,
  type CommandEdge,
  type DeliverWebhookInput,
  type DeviceEdge,
  type PingOutcome,
  type PingWebhookInput,
  type RunTaskInput,
  type SendCommandInput,
  type TaskView,
  type UpgradeControl,
  type UpgradeDeviceInput,
  type UpgradeView,
} from '../../workflows/contract.ts';
import { commandWords } from '../../workflows/rules/commands.ts';

/** What `startUpgrade` needs beside the workflow's own input: what people filter by. */
export interface UpgradeLabels {
  department: string;
  protocol: string;
}

/** A delivery to start, and what people filter it by. */
export interface DeliveryStart {
  deliveryId: number;
  webhookId: number;
  department: string;
  kind: string;
  taskId: number | null;
  deviceId: string | null;
}

/** The last execution of a device's upgrade that Temporal knows of. */
export interface LatestUpgrade {
  upgradeId: number | null;
  /** `completed` by itself; `stopped`: terminated, failed or timed out. */
  state: 'running' | 'completed' | 'stopped';
}

/** Whether an upgrade's workflow was started, runs already, or another task's holds the device. */
export type StartResult = 'started' | 'already_ours' | 'busy';

/** A control refused by the workflow, with its reason. */
export class ControlRefused extends Error {}

/** Starts, controls and observes executions. */
export class Executions extends FactoryExecutions {
  /** Starts the workflow of a task; harmless when it runs already. */
  async startTask(taskId: number, labels: { department: string; name: string }): Promise<void> {
    await this.client.workflow.start(RUN_TASK, {
      ...this.#taskStart(taskId, labels),
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  }

  /**
   * Sends an update to a running task and waits until it is durable.
   *
   * @throws ControlRefused with the reason when the task refuses it or has ended
   */
  async updateTask<Result>(taskId: number, update: string, arg: unknown): Promise<Result> {
    try {
      return (await this.client.workflow
        .getHandle(taskWorkflowId(taskId))
        .executeUpdate(update, { args: [arg] })) as Result;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw new ControlRefused('the task has ended', { cause: error });
      throw asRefusal(error);
    }
  }

  /** Puts devices that did not succeed back into the task; begins the task again when it had ended. */
  async retryFailed(taskId: number, labels: { department: string; name: string }, by: Authorship): Promise<number> {
    const start = new WithStartWorkflowOperation(RUN_TASK, {
      ...this.#taskStart(taskId, labels),
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    try {
      return await this.client.workflow.executeUpdateWithStart(RETRY_UPDATE, {
        args: [by],
        startWorkflowOperation: start,
      });
    } catch (error) {
      throw asRefusal(error);
    }
  }

  /** Live state of a task's workflow; null when it has ended or cannot be asked now. */
  async taskView(taskId: number): Promise<TaskView | null> {
    return this.query<TaskView>(taskWorkflowId(taskId), TASK_VIEW_QUERY);
  }

  /** Live state of a device's running upgrade; null when there is none or it cannot be asked now. */
  async upgradeView(deviceId: string): Promise<UpgradeView | null> {
    return this.query<UpgradeView>(upgradeWorkflowId(deviceId), UPGRADE_VIEW_QUERY);
  }

  /**
   * Starts one device's upgrade. The workflow id is the lock: when it is taken, the answer tells whether by this very
   * upgrade (a repeated step) or by another task's.
   */
  async startUpgrade(input: UpgradeDeviceInput, labels: UpgradeLabels): Promise<StartResult> {
    const workflowId = upgradeWorkflowId(input.deviceId);
    try {
      await this.client.workflow.start(UPGRADE_DEVICE, {
        workflowId,
        taskQueue: this.taskQueue,
        args: [input],
        workflowIdConflictPolicy: 'FAIL',
        requestEagerStart: this.eagerStart,
        memo: { upgradeId: input.upgradeId },
        staticSummary: `${input.deviceId} → ${input.files.map((file) => file.targetVersion).join(' → ')} (task ${input.taskId})`,
        typedSearchAttributes: new TypedSearchAttributes([
          { key: LABELS.device, value: input.deviceId },
          { key: LABELS.task, value: String(input.taskId) },
          { key: LABELS.department, value: labels.department },
          { key: LABELS.protocol, value: labels.protocol },
          { key: LABELS.status, value: ACTIVE_STATUS },
        ]),
      });
      return 'started';
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      const latest = await this.latestUpgrade(input.deviceId);
      return latest?.state === 'running' && latest.upgradeId === input.upgradeId ? 'already_ours' : 'busy';
    }
  }

  /** The last upgrade of this device that Temporal knows of; null: none. */
  async latestUpgrade(deviceId: string): Promise<LatestUpgrade | null> {
    try {
      const { memo, status } = await this.client.workflow.getHandle(upgradeWorkflowId(deviceId)).describe();
      const state = status.name === 'RUNNING' ? 'running' : status.name === 'COMPLETED' ? 'completed' : 'stopped';
      return { upgradeId: (memo?.['upgradeId'] as number | undefined) ?? null, state };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    }
  }

  /** Wakes a device's upgrade; false when none runs (any more). */
  async signalEdge(deviceId: string, edge: DeviceEdge): Promise<boolean> {
    return this.signal(upgradeWorkflowId(deviceId), EDGE_SIGNAL, edge);
  }

  /** Passes a person's decision on one device to its upgrade; false when none runs. */
  async controlUpgrade(deviceId: string, control: UpgradeControl): Promise<boolean> {
    return this.signal(upgradeWorkflowId(deviceId), CONTROL_SIGNAL, control);
  }

  /** Starts the workflow of a command; harmless when it runs already. */
  async startCommand(input: SendCommandInput, { department, protocol }: UpgradeLabels): Promise<void> {
    await this.client.workflow.start(SEND_COMMAND, {
      workflowId: commandWorkflowId(input.commandId),
      taskQueue: this.taskQueue,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      requestEagerStart: this.eagerStart,
      staticSummary: `${commandWords(input.order)} → ${input.deviceId}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: LABELS.device, value: input.deviceId },
        { key: LABELS.department, value: department },
        { key: LABELS.protocol, value: protocol },
        { key: LABELS.status, value: 'waiting' },
      ]),
    });
  }

  /** Wakes a command's workflow; false when none runs (any more). */
  async signalCommand(commandId: number, edge: CommandEdge): Promise<boolean> {
    return this.signal(commandWorkflowId(commandId), COMMAND_EDGE_SIGNAL, edge);
  }

  /** Starts the workflow of a delivery; harmless when it runs already. */
  async startWebhookDelivery({
    deliveryId,
    webhookId,
    department,
    kind,
    taskId,
    deviceId,
  }: DeliveryStart): Promise<void> {
    const input: DeliverWebhookInput = { deliveryId };
    await this.client.workflow.start(DELIVER_WEBHOOK, {
      workflowId: deliveryWorkflowId(deliveryId),
      taskQueue: this.taskQueue,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `${kind} → webhook ${webhookId}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: LABELS.department, value: department },
        ...(taskId === null ? [] : [{ key: LABELS.task, value: String(taskId) }]),
        ...(deviceId === null ? [] : [{ key: LABELS.device, value: deviceId }]),
      ]),
    });
  }

  /** Ends the pause before the next attempt of a delivery; nothing happens when it is not under way. */
  async retryDelivery(deliveryId: number): Promise<void> {
    try {
      await this.client.workflow.getHandle(deliveryWorkflowId(deliveryId)).signal(RETRY_NOW_SIGNAL);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  /** Sends a test message to a webhook from where the real ones are sent. */
  async pingWebhook(webhookId: number): Promise<PingOutcome> {
    const input: PingWebhookInput = { webhookId };
    return (await this.client.workflow.execute(PING_WEBHOOK, {
      workflowId: `webhook-ping/${webhookId}/${randomUUID()}`,
      taskQueue: this.taskQueue,
      args: [input],
      workflowExecutionTimeout: '1m',
      staticSummary: `ping → webhook ${webhookId}`,
    })) as PingOutcome;
  }

  #taskStart(taskId: number, labels: { department: string; name: string }) {
    const args: [RunTaskInput] = [{ taskId }];
    return {
      workflowId: taskWorkflowId(taskId),
      taskQueue: this.taskQueue,
      args,
      staticSummary: `Task ${taskId}: ${labels.name}`.slice(0, 200),
      typedSearchAttributes: new TypedSearchAttributes([
        { key: LABELS.task, value: String(taskId) },
        { key: LABELS.department, value: labels.department },
        { key: LABELS.status, value: 'scheduled' },
      ]),
    };
  }
}

/** A refusal by the workflow with its reason; any other error as it is. */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof WorkflowUpdateFailedError)) return error;
  return new ControlRefused(error.cause?.message ?? error.message, { cause: error });
}
