/**
 * What everybody needs who speaks to Temporal as a client: the connection, the labels people filter by, wakeful signals
 * and questions that do not mind an execution that has ended.
 */
import { type Client, QueryNotRegisteredError, WorkflowNotFoundError } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.ts';

/** What people filter executions by. */
export const LABELS = {
  device: defineSearchAttributeKey(SEARCH_ATTRIBUTES.device, 'KEYWORD'),
  task: defineSearchAttributeKey(SEARCH_ATTRIBUTES.task, 'KEYWORD'),
  department: defineSearchAttributeKey(SEARCH_ATTRIBUTES.department, 'KEYWORD'),
  protocol: defineSearchAttributeKey(SEARCH_ATTRIBUTES.protocol, 'KEYWORD'),
  status: defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD'),
};

/** What executions are started with. */
export interface ExecutionClientOptions {
  client: Client;
  taskQueue: string;
  /** Of the Temporal Web UI; empty: nobody said where it is. */
  uiUrl: string;
  /** The client shares its connection with a worker of this process, which may begin at once. */
  eagerStart?: boolean;
}

/** One connection to Temporal. */
export class ExecutionClient {
  protected readonly client: Client;
  protected readonly taskQueue: string;
  protected readonly eagerStart: boolean;
  readonly #uiUrl: string;

  constructor({ client, taskQueue, uiUrl, eagerStart = false }: ExecutionClientOptions) {
    this.client = client;
    this.taskQueue = taskQueue;
    this.eagerStart = eagerStart;
    this.#uiUrl = uiUrl.replace(/\/$/, '');
  }

  /** Where a person can look at an execution; null when nobody said where the Temporal Web UI is. */
  executionUrl(workflowId: string): string | null {
    if (this.#uiUrl === '') return null;
    const namespace = encodeURIComponent(this.client.options.namespace);
    return `${this.#uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
  }

  /** Answers when Temporal answers. */
  async check(): Promise<void> {
    await this.client.workflowService.getSystemInfo({});
  }

  /** Sends a signal; false when the execution does not run (any more). */
  protected async signal(workflowId: string, signal: string, ...args: unknown[]): Promise<boolean> {
    try {
      await this.client.workflow.getHandle(workflowId).signal(signal, ...args);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }

  /** Asks an execution; null when it does not run or cannot be asked now. */
  protected async query<View>(workflowId: string, query: string): Promise<View | null> {
    try {
      return await this.client.workflow.getHandle(workflowId).query<View>(query);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError || error instanceof QueryNotRegisteredError) return null;
      throw error;
    }
  }
}
