/**
 * A day of shipping in the demo: what a factory packed comes as two files of its MES, one work order is shipped, and
 * what belongs to a known customer goes on to a stand-in for Tracksolid.
 */
import type { Operator } from '../bench/operator.ts';
import { passwordMd5 } from '../gateways/tracksolid/signing.ts';
import { TracksolidStandIn } from '../gateways/tracksolid/stand-in.ts';

const FIRST_IMEI = 868_120_145_255_601n;
const ORDER = 'CPX01904013A3';
const PER_CARTON = 5;
/** The order that is shipped, and one that stays in the MES list. */
const PACKED = [
  { order: ORDER, devices: 15, company: '深圳市几米物联有限公司国际部' },
  // Of a company that no rule knows: registered and recorded, and not sent on.
  { order: ORDER, devices: 5, company: '某某物流有限公司' },
  { order: 'CPX01904014A1', devices: 10, company: '深圳途骏信息科技有限公司' },
];
const ORDERED = 20;
const KNOWN_CUSTOMER = 15;
const PLATFORM = 'Tracksolid导入+终身';
const ACCOUNT = 'guomao';
const APP = { key: 'demo-key', secret: 'demo-secret', user: 'ams', password: 'demo' };
const POLL_MS = 300;
const DAY_MS = 24 * 3_600_000;

/** What became of the order. */
export interface DemoShipment {
  /** Devices that are registered and in the total shipment record. */
  shipped: number;
  /** Devices that the stand-in has in the account of the customer, and that Slipway has seen there. */
  onPlatform: number;
  /** Nothing is missing. */
  isWhole: boolean;
  links: { shipment: string | null; platformShipment: string | null };
}

/** The clerk of the demo, and the platform that he ships to. */
export interface DemoClerk {
  /** Leads a program to the stand-in, and nowhere else. */
  settings: Record<string, string>;
  /** Takes the files and ships the order, all the way; gives up after this time with what there is. */
  ship(operator: Operator, withinMs: number): Promise<DemoShipment>;
  stop(): Promise<void>;
}

/** Starts the stand-in. */
export async function startClerk(): Promise<DemoClerk> {
  const hash = passwordMd5(APP.password);
  const standIn = new TracksolidStandIn({
    appKey: APP.key,
    appSecret: APP.secret,
    user: APP.user,
    passwordMd5: hash,
    accounts: ['hemi', ACCOUNT],
  });
  const url = await standIn.listen();
  return {
    settings: {
      // Empty: as if it were not set. The rows come from files, and no real platform hears of the demo.
      MES_DATABASE_URL: '',
      TRACKSOLID_URL: url,
      TRACKSOLID_APP_KEY: APP.key,
      TRACKSOLID_APP_SECRET: APP.secret,
      TRACKSOLID_USER: APP.user,
      TRACKSOLID_PASSWORD: '',
      TRACKSOLID_PASSWORD_MD5: hash,
      TRACKSOLID_CALLS_PER_SECOND: '50',
      TRACKSOLID_IMPORT_METHOD: '',
      TRACKSOLID_IMPORT_FIELDS: '',
    },
    ship: (operator, withinMs) => ship(operator, standIn, withinMs),
    stop: () => standIn.close(),
  };
}

async function ship(operator: Operator, standIn: TracksolidStandIn, withinMs: number): Promise<DemoShipment> {
  const untilMs = Date.now() + withinMs;
  const { cartons, sheets } = mesFiles(new Date());
  await operator.call('POST', '/mes/import/carton', new Blob([cartons], { type: 'text/csv' }));
  await operator.call('POST', '/mes/import/sheet', new Blob([sheets], { type: 'text/csv' }));
  const primary = await ended(operator, untilMs, '/shipments', {
    order: ORDER,
    shipDate: dayOf(Date.now()),
    remark: 'demo',
  });
  const { items } = await operator.call<{ items: { id: number; name: string }[] }>('GET', '/platforms?limit=100');
  const secondary = await ended(operator, untilMs, '/platform-shipments', {
    platformId: items.find(({ name }) => name === PLATFORM)!.id,
    matched: { shipmentId: primary.id },
    info: { account: ACCOUNT, customerName: '国贸', model: 'GV2', remark: 'demo' },
  });
  const there = [...standIn.world.devices.values()].filter(({ account }) => account === ACCOUNT).length;
  const shipped = primary.sums?.shipped ?? 0;
  const onPlatform = Math.min(there, secondary.reconciliation?.confirmed ?? 0);
  return {
    shipped,
    onPlatform,
    isWhole: shipped === ORDERED && onPlatform === KNOWN_CUSTOMER && there === KNOWN_CUSTOMER,
    links: { shipment: primary.links.temporal, platformShipment: secondary.links.temporal },
  };
}

interface Shipment {
  id: number;
  status: string;
  links: { temporal: string | null };
  sums?: { shipped: number };
  reconciliation?: { confirmed: number };
}

/** Orders and waits until the order has ended, or time is over. */
async function ended(operator: Operator, untilMs: number, path: string, body: object): Promise<Shipment> {
  const { id } = await operator.call<Shipment>('POST', path, body);
  for (;;) {
    const shipment = await operator.call<Shipment>('GET', `${path}/${id}`);
    if (shipment.status !== 'running' || Date.now() > untilMs) return shipment;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Exports of the two tables as a MES writes them; everything was packed the day before. */
function mesFiles(now: Date): { cartons: string; sheets: string } {
  const cartons = ['Id,BoxNo,IMEI,ZhiDan,SoftModel,Version,ProductCode,Color,Qty,CompanyName,TestTime,Remark2'];
  const sheets = ['SN,IMEI1,IMEI2,IMEI3,IMEI4,ZhiDan,TestTime'];
  const packed = PACKED.flatMap(({ devices, ...row }) => Array.from({ length: devices }, () => row));
  for (const [n, { order, company }] of packed.entries()) {
    const imei = FIRST_IMEI + BigInt(n);
    const carton = `${order}-${String(Math.floor(n / PER_CARTON) + 1).padStart(3, '0')}`;
    const time = `${dayOf(now.getTime() - DAY_MS)} 08:${String(n).padStart(2, '0')}:00`;
    const rid = n.toString(16).padStart(32, '0').toUpperCase();
    cartons.push(
      [
        n + 1,
        carton,
        imei,
        order,
        'GV2',
        'NT33_20_A1D_D23_R0_V18',
        'P-204',
        '黑',
        PER_CARTON,
        company,
        time,
        rid,
      ].join(),
    );
    const sn = `DEMO${String(n + 1).padStart(6, '0')}`;
    sheets.push([sn, imei, sn, 14_400_000_001 + n, `898604${String(n).padStart(14, '0')}`, order, time].join());
  }
  return { cartons: `${cartons.join('\n')}\n`, sheets: `${sheets.join('\n')}\n` };
}

/** The day in Beijing, by which production and shipment are compared. */
function dayOf(atMs: number): string {
  return new Date(atMs + 8 * 3_600_000).toISOString().slice(0, 10);
}
