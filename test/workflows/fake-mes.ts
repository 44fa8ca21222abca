/** A stand-in for the steps behind `syncMes`: answers as told, then that every lane is at its end. */
import type { MesActivities, MesReading } from '../../activities/mes.ts';

export class FakeMes {
  /** Lanes in the order in which they were read. */
  readonly reads: string[] = [];
  opened = 0;
  readonly #answers: MesReading[];
  #end: { status: string; words: string } | null = null;

  constructor(answers: readonly MesReading[]) {
    this.#answers = [...answers];
  }

  readonly activities: MesActivities = {
    openMesCycle: async () => {
      this.opened += 1;
      return 7;
    },
    readMes: async (_cycleId, table, lane) => {
      this.reads.push(`${table} ${lane}`);
      return this.#answers.shift() ?? { state: 'end', rows: 5, words: '' };
    },
    closeMesCycle: async (cycleId, outcome) => {
      this.#end ??= outcome;
      return { cycleId, ...this.#end, seen: 20, new: 20, changed: 0, rejected: 0 };
    },
  };
}
