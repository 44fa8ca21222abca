/** A stand-in for the steps behind `shipDevices` and `fireTrigger`: devices in memory. */
import type { ShipmentActivities, ShipmentEnd } from '../../activities/shipments.ts';

export interface FakeShipmentOptions {
  devices: number;
  /** Devices of one step. */
  perStep?: number;
  /** Of a trigger: it goes on to a platform. */
  platformShipmentId?: number;
}

export class FakeShipment {
  open: number;
  shipped = 0;
  refused = 0;
  readonly log: string[] = [];
  readonly #options: FakeShipmentOptions;

  constructor(options: FakeShipmentOptions) {
    this.#options = options;
    this.open = options.devices;
  }

  readonly activities: ShipmentActivities = {
    shipDevicesOn: async () => {
      const shipped = Math.min(this.open, this.#options.perStep ?? 100);
      this.open -= shipped;
      this.shipped += shipped;
      this.log.push(`shipped ${shipped}`);
      return { shipped, refused: 0, isDone: this.open === 0 };
    },
    stopDevices: async () => {
      const refused = this.open;
      this.refused += refused;
      this.open = 0;
      this.log.push(`stopped ${refused}`);
      return refused;
    },
    finishDevices: async (): Promise<ShipmentEnd | null> => {
      if (this.open > 0) return null;
      this.log.push('finished');
      const { shipped, refused } = this;
      const sums = { asked: this.#options.devices, shipped, refused, open: 0, classified: 0, unmatched: shipped };
      return { status: 'finished', sums: { ...sums, refusedBy: [], customers: [], closes: true, wrong: [] } };
    },
    beginFiring: async () => {
      this.log.push('begun');
      const { devices } = this.#options;
      return { name: 'new ones', shipmentId: devices === 0 ? null : 7, devices, differences: 0 };
    },
    endFiring: async () => {
      this.log.push('ended');
      const { devices, platformShipmentId = null } = this.#options;
      const shipmentId = devices === 0 ? null : 7;
      return { status: 'done', words: '', shipmentId, platformShipmentId, isSent: platformShipmentId !== null };
    },
  };
}
