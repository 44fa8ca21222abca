/**
 * Which steps the matrix goes through, in which story; and of every other step there is, why not. A step that is new and
 * that nobody has put here fails `steps.test.ts`.
 */

export const STORIES = ['upgrade', 'shipment', 'session', 'command'] as const;
export type StoryName = (typeof STORIES)[number];

/** A step of a story; `variant` is the one of its stories that comes there, `detail` what its pass must be about. */
export interface MatrixStep {
  story: StoryName;
  variant: string;
  step: string;
  detail?: string;
}

function of(story: StoryName, variant: string, ...steps: string[]): MatrixStep[] {
  return steps.map((text) => {
    const [step, detail] = text.split(': ') as [string, string?];
    return { story, variant, step, ...(detail !== undefined && { detail }) };
  });
}

export const MATRIX_STEPS: readonly MatrixStep[] = [
  ...of(
    'upgrade',
    'good',
    'route registerDevices',
    'route uploadFirmware',
    'route createUpgradeTask',
    'temporal startTask',
    'activity loadTask',
    'activity recordTaskStatus',
    'activity dispatchUpgrades',
    'temporal startUpgrade',
    'activity openOffer',
    'host identify',
    'host openOffer',
    'host firmware',
    'host claimSend',
    'host flush',
    'host reported: 11',
    'temporal signalEdge',
    'activity recordProof',
    'activity countTask',
    'activity countStatuses',
  ),
  ...of('upgrade', 'lies', 'activity readOffer', 'activity closeOffer', 'activity finishUpgrade'),
  ...of('upgrade', 'refuses', 'host failed'),
  ...of('upgrade', 'current', 'activity recordAlreadyCurrent'),
  ...of(
    'upgrade',
    'cancelled',
    'route cancelUpgradeTask',
    'temporal updateTask',
    'activity endUndispatched',
    'activity tellInFlight',
    'temporal controlUpgrade',
  ),
  ...of(
    'upgrade',
    'controlled',
    'route approveUpgradeTask',
    'activity recordApprovalNeeded',
    'activity recordApproval',
    'activity changePacing',
    'activity recordStartNow',
    'activity announceOffers',
  ),
  ...of(
    'shipment',
    'primary',
    'route importMes',
    'route createShipment',
    'temporal startShipment',
    'activity shipDevicesOn',
    'activity finishDevices',
  ),
  ...of(
    'shipment',
    'new',
    'route createPlatformShipment',
    'temporal startPlatformShipment',
    'activity shipPage',
    'platform look',
    'platform importDevices',
    'activity finishShipment',
  ),
  ...of('shipment', 'moved', 'platform moveDevices', 'platform updateExpiration'),
  ...of(
    'session',
    'equipment',
    'route createEquipment',
    'mom handle: EqptRun',
    'mom handle: EqptStatus',
    'mom handle: EqptAlert',
    'mom handle: EqptAlive',
    'mom handle: WaterContent',
    'mom flush',
    'temporal wakeEquipment',
    'activity readEquipmentSession',
    'route raiseEquipmentFlag',
    'route setEquipmentParameters',
  ),
  ...of(
    'session',
    'agent',
    'route createAgent',
    'activity callOnline',
    'agent call: EqptRun',
    'activity holdLine',
    'agent call: EqptAlive',
    'agent call: EqptStatus',
    'route tellAgentStatus',
  ),
  ...of(
    'command',
    'here',
    'route sendDeviceCommand',
    'temporal startCommand',
    'activity openCommandAttempt',
    'commands open',
    'commands claim',
    'commands answered',
    'temporal signalCommand',
    'activity readCommand',
    'activity finishCommand',
  ),
];

const CONSOLE = 'a view for people: nothing depends on it';
const PEOPLE = 'a single write by a person, one transaction: as the writes that are in the matrix';
const ELSEWHERE = {
  pile: 'only charging piles come here: test/system/pile.test.ts',
  pcp: 'only PCP devices come here: test/system/pcp.test.ts',
  ams: 'only trackers come here: test/system/ams.test.ts',
  mes: 'reading MES: test/system/mes.test.ts',
  webhooks: 'deliveries: test/workflows/deliver-webhook.test.ts, test/events',
  triggers: 'triggers: test/system/shipments.test.ts',
  flags: 'what an agent does for a flag of its MOM: test/system/mom-agent.test.ts',
} as const;

/** Steps that are not gone through, and why. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  'activity acceptCommand': ELSEWHERE.pile,
  'commands loggedIn': ELSEWHERE.pile,
  'commands unsendable': 'no frame can be made: nothing is sent, test/gateways/terminal-commands.test.ts',
  'commands sweep': 'repeats what was lost; it is what ends stories in which a signal is lost',
  'host accepted': ELSEWHERE.pile,
  'host claimFlash': ELSEWHERE.pcp,
  'host repeatSend': ELSEWHERE.ams,
  'host offerById': ELSEWHERE.pcp,
  'host offerOwner': ELSEWHERE.ams,
  'host findByImei': ELSEWHERE.ams,
  'host refusedReport': ELSEWHERE.ams,
  'activity recordWaiting': 'only baseband files of trackers come here: test/system/ams.test.ts',
  'activity recordWaitingStopped': 'only a rule that stops a task comes here: test/workflows/run-task.test.ts',
  'activity resetFailed': 'only a retry comes here: test/system/truth.test.ts',
  'activity endLostUpgrades': 'only after somebody has terminated a workflow by hand: test/workflows/run-task.test.ts',
  'activity stopUnsent': 'only a cancellation in Temporal comes here: test/workflows/ship-to-platform.test.ts',
  'activity stopDevices': 'only a cancellation in Temporal comes here: test/workflows/ship-devices.test.ts',
  'activity followFlag': ELSEWHERE.flags,
  'activity beginFiring': ELSEWHERE.triggers,
  'activity endFiring': ELSEWHERE.triggers,
  'temporal startFiring': ELSEWHERE.triggers,
  'temporal changeAgent': 'an agent that is changed: test/system/mom-agent.test.ts',
  'temporal wakePlatformShipment': 'a person who ends a pause: test/system/platform.test.ts',
  'temporal latestUpgrade': 'only asks',
  'temporal startAgent': 'what a sweep repeats; how an agent is begun is in the matrix',
  'temporal retryFailed': 'only a retry comes here: test/system/truth.test.ts',
  'temporal startWebhookDelivery': ELSEWHERE.webhooks,
  'temporal retryDelivery': ELSEWHERE.webhooks,
  'temporal pingWebhook': ELSEWHERE.webhooks,
  'temporal taskView': CONSOLE,
  'temporal upgradeView': CONSOLE,
  'temporal equipmentView': CONSOLE,
  'temporal agentView': CONSOLE,
  'temporal platformShipmentView': CONSOLE,
  'temporal platformShipmentUrl': CONSOLE,
  'temporal shipmentUrl': CONSOLE,
};

/** The same for what is many. */
export const LEFT_OUT_KINDS: readonly { fits: RegExp; why: string }[] = [
  { fits: /^activity (\w*Mes\w*|\w*Cycle\w*)$/, why: ELSEWHERE.mes },
  { fits: /^activity \w*(Delivery|Webhook|deliver|ping)\w*$/i, why: ELSEWHERE.webhooks },
  { fits: /^route /, why: PEOPLE },
];
