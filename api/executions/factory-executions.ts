/**
 * The part of `Executions` that is about the factory: sessions of equipment with the MOM, and of agents that speak with
 * a MOM for an equipment.
 */
import { TypedSearchAttributes } from '@temporalio/common';
import { LABELS } from './execution-client.ts';
import { ShipmentExecutions } from './shipment-executions.ts';
import {
  AGENT_CHANGED_SIGNAL,
  AGENT_SESSION,
  AGENT_VIEW_QUERY,
  EQUIPMENT_EDGE_SIGNAL,
  EQUIPMENT_SESSION,
  EQUIPMENT_VIEW_QUERY,
  agentWorkflowId,
  equipmentWorkflowId,
  type AgentSessionView,
  type EquipmentSessionView,
} from '../../workflows/contract.ts';
import type { SessionEdge } from '../../workflows/rules/equipment.ts';

/** Starts, wakes and observes the sessions of the factory. */
export class FactoryExecutions extends ShipmentExecutions {
  /** Wakes the session of an equipment; starts its workflow when none runs. */
  async wakeEquipment(
    { equipmentId, code, department }: { equipmentId: number; code: string; department: string },
    edge: SessionEdge,
  ): Promise<void> {
    await this.client.workflow.signalWithStart(EQUIPMENT_SESSION, {
      workflowId: equipmentWorkflowId(code),
      taskQueue: this.taskQueue,
      args: [{ equipmentId, code }],
      signal: EQUIPMENT_EDGE_SIGNAL,
      signalArgs: [edge],
      staticSummary: `equipment ${code}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: LABELS.device, value: code },
        { key: LABELS.department, value: department },
        { key: LABELS.protocol, value: 'mom' },
      ]),
    });
  }

  /** Live state of an equipment's session; null when none runs or it cannot be asked now. */
  async equipmentView(code: string): Promise<EquipmentSessionView | null> {
    return this.query<EquipmentSessionView>(equipmentWorkflowId(code), EQUIPMENT_VIEW_QUERY);
  }

  /** Starts the session of an agent; harmless when it runs already. */
  async startAgent(agent: { agentId: number; code: string; department: string }): Promise<void> {
    await this.client.workflow.start(AGENT_SESSION, {
      ...this.#agentStart(agent),
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  }

  /** Tells the session of an agent that the agent was changed; starts it when none runs. */
  async changeAgent(agent: { agentId: number; code: string; department: string }): Promise<void> {
    await this.client.workflow.signalWithStart(AGENT_SESSION, {
      ...this.#agentStart(agent),
      signal: AGENT_CHANGED_SIGNAL,
      signalArgs: [],
    });
  }

  /** Live state of an agent's session; null when none runs or it cannot be asked now. */
  async agentView(code: string): Promise<AgentSessionView | null> {
    return this.query<AgentSessionView>(agentWorkflowId(code), AGENT_VIEW_QUERY);
  }

  #agentStart({ agentId, code, department }: { agentId: number; code: string; department: string }) {
    return {
      workflowId: agentWorkflowId(code),
      taskQueue: this.taskQueue,
      args: [{ agentId, code }],
      staticSummary: `agent for equipment ${code}`,
      typedSearchAttributes: new TypedSearchAttributes([
        { key: LABELS.device, value: code },
        { key: LABELS.department, value: department },
        { key: LABELS.protocol, value: 'mom' },
      ]),
    };
  }
}
