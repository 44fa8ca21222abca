/**
 * A stand-in for the steps behind `shipToPlatform`: devices in memory, a platform that fails as told.
 */
import type { PageReport, PlatformActivities, PlatformShipmentEnd } from '../../activities/platforms.ts';

type Fault = 'trouble' | 'paused' | 'doubt';

export interface FakePlatformOptions {
  devices: number;
  pageSize?: number;
  /** What happens to the next pages; afterwards all goes well. */
  faults?: Fault[];
  /** A pause lasts so long. */
  pauseMs?: number;
  status?: PlatformShipmentEnd['status'];
}

export class FakePlatform {
  readonly log: string[] = [];
  readonly pages: number[] = [];
  readonly shippedAtMs: number[] = [];
  open: Set<number>;
  stopped = 0;
  /** Somebody has devices tried again just before the end. */
  revived = 0;
  readonly #options: FakePlatformOptions;
  readonly #faults: Fault[];

  constructor(options: FakePlatformOptions) {
    this.#options = options;
    this.#faults = [...(options.faults ?? [])];
    this.open = new Set(Array.from({ length: options.devices }, (_, index) => index + 1));
  }

  readonly activities: PlatformActivities = {
    shipPage: async (_shipmentId, after): Promise<PageReport> => {
      this.pages.push(after);
      this.shippedAtMs.push(Date.now());
      const { pageSize = 100, pauseMs = 900_000, status = 'finished' } = this.#options;
      if (status === 'recorded') return { kind: 'ended' };
      const fault = this.#faults.shift();
      const report = (next: number | null, trouble: string | null, dueInMs: number | null = null): PageReport => ({
        kind: 'page',
        after: next,
        open: this.open.size,
        dueInMs,
        trouble,
      });
      if (fault === 'paused')
        return { kind: 'paused', forMs: pauseMs, why: '1005: the platform limits our IP address' };
      if (fault === 'trouble') return report(after, '1006: calls come too often');
      const page = [...this.open].filter((id) => id > after).slice(0, pageSize);
      // Of a call that was not answered the first device is looked at in a later pass.
      for (const id of fault === 'doubt' ? page.slice(1) : page) this.open.delete(id);
      const last = page.at(-1);
      return report(page.length === pageSize ? last! : null, null, this.open.size > 0 ? 60_000 : null);
    },
    stopUnsent: async (_shipmentId, { author, cause }) => {
      this.stopped += this.open.size;
      this.open.clear();
      this.log.push(`stopped by ${author}: ${cause}`);
    },
    finishShipment: async () => {
      for (; this.revived > 0; this.revived--) this.open.add(this.revived);
      if (this.open.size > 0) return null;
      const { devices, status = 'finished' } = this.#options;
      this.log.push('finished');
      const confirmed = devices - this.stopped;
      return {
        status,
        asked: devices,
        sent: confirmed,
        confirmed,
        refused: 0,
        unknown: 0,
        notSent: this.stopped,
        recorded: 0,
      };
    },
  };
}
