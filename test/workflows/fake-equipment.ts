/** What the database knows of one equipment, in memory: edges are written here and wake the workflow, or do not. */
import type { EquipmentActivities } from '../../activities/equipment.ts';
import type { SessionFacts } from '../../db/factory/equipment-sessions.ts';
import type { EquipmentSessionInput } from '../../workflows/contract.ts';
import type { SessionEdge, SessionState } from '../../workflows/rules/equipment.ts';

export const INPUT: EquipmentSessionInput = { equipmentId: 7, code: 'EQ00007' };

export class FakeEquipment {
  /** Null: it was deleted. */
  facts: Omit<SessionFacts, 'edges'> | null = {
    isActive: true,
    state: 'never',
    sinceMs: 0,
    status: null,
    pendingFlags: [],
    openAlarms: [],
    parametersVersion: 0,
    fetchedVersion: 0,
  };
  readonly journal: SessionFacts['edges'] = [];
  /** Something was written and not read. */
  isMarked = true;
  reads = 0;
  readonly #nowMs: () => Promise<number>;

  constructor(nowMs: () => Promise<number>) {
    this.#nowMs = nowMs;
  }

  async edge(edge: SessionEdge, state: SessionState): Promise<void> {
    const atMs = await this.#nowMs();
    this.journal.push({ id: this.journal.length + 1, atMs, edge, cause: '' });
    if (this.facts !== null) Object.assign(this.facts, { state, sinceMs: atMs });
    this.isMarked = true;
  }

  change(facts: Partial<SessionFacts>): void {
    if (this.facts !== null) Object.assign(this.facts, facts);
    this.isMarked = true;
  }

  readonly activities: EquipmentActivities = {
    readEquipmentSession: async (_equipmentId: number, afterEdge: number) => {
      this.reads += 1;
      this.isMarked = false;
      if (this.facts === null) return null;
      return structuredClone({ ...this.facts, edges: this.journal.filter(({ id }) => id > afterEdge).slice(-10) });
    },
  };
}
