/** Requests of agents and their calls. */
import type { Requests, Scene } from './scene.ts';

export function agentRequests(scene: Scene): Requests {
  const { api } = scene;

  const order = () => ({ code: scene.fresh('AG'), url: 'http://127.0.0.1:9' });
  const agent = async () => {
    const made = order();
    await scene.make('POST', 'agents', made);
    return `/api/v1/agents/${made.code}`;
  };
  const trayBarcode = () => scene.fresh('tray');
  /** A call that the MOM refused. */
  const refusedCall = async () => {
    const path = await agent();
    const call = await scene.make('POST', `${path.replace('/api/v1/', '')}/status`, { status: 'Running' });
    await api.sql`
      update agent_calls set status = 'quarantined', reason = 'refused', answered_at = now() where id = ${call.id}`;
    return `${path}/calls/${call.id}`;
  };

  return {
    createAgent: async () => ({ path: '/api/v1/agents', body: order() }),
    updateAgent: async () => ({ path: await agent(), body: { name: 'welder' } }),
    deleteAgent: async () => ({ path: await agent() }),
    tellAgentStatus: async () => ({ path: `${await agent()}/status`, body: { status: 'Running' } }),
    tellAgentAlarms: async () => ({
      path: `${await agent()}/alarms`,
      body: { alarms: [{ alertCode: 'A01', isRaised: true }] },
    }),
    bindAgentTray: async () => ({
      path: `${await agent()}/trays/bind`,
      body: { trayBarcode: trayBarcode(), cells: [{ serialNo: scene.fresh('cell'), positionNo: 1 }] },
    }),
    unbindAgentTray: async () => ({ path: `${await agent()}/trays/unbind`, body: { trayBarcode: trayBarcode() } }),
    ageAgentTray: async () => ({ path: `${await agent()}/trays/aging`, body: { trayBarcode: trayBarcode() } }),
    askAgentTray: async () => ({ path: `${await agent()}/trays/cells`, body: { trayBarcode: trayBarcode() } }),
    askAgentCells: async () => ({ path: `${await agent()}/cells`, body: { serialNos: [scene.fresh('cell')] } }),
    followAgentFlag: async () => ({
      path: `${await agent()}/follow-ups`,
      body: { action: 'water_content', data: { Ppm: '12.5' } },
    }),
    redriveAgentCall: async () => ({ path: `${await refusedCall()}/redrive`, body: { cause: 'the MOM was wrong' } }),
    writeOffAgentCall: async () => ({ path: `${await refusedCall()}/write-off`, body: { cause: 'known' } }),
  };
}
