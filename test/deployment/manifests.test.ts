/**
 * The documented deployment against the program: every setting in it exists and is right, every port is the one the
 * program opens, nothing has a default password, and every image is named with its version.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeVariables, loadConfig } from '../../config.ts';
import {
  composeVariables,
  composeWith,
  deployment,
  kubernetesManifests,
  MissingVariable,
  podOf,
  read,
  type Container,
  type Manifest,
} from './manifests.ts';

const settings = new Set<string>(describeVariables().map(({ name }) => name));
const ROLES = ['api', 'worker', 'gateway'];
/** Values as a person would fill in. */
const FILLED = {
  SLIPWAY_NAME: 'slipway.example.com',
  DEVICE_ADDRESS: '10.8.0.1',
  TEMPORAL_UI_URL: 'https://temporal.example.com',
  POSTGRES_PASSWORD: 'a1',
  SLIPWAY_DB_PASSWORD: 'b2',
  TEMPORAL_DB_PASSWORD: 'c3',
  TEMPORAL_PAYLOAD_KEYS: '2026-11:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
};
const manifests = kubernetesManifests();
const isPinned = (image: string) => /:v?\d+\.\d+\.\d+(-[\w.]+)?$|:\d+\.\d+-[\w.]+$/.test(image);

describe('the compose file', () => {
  const compose = composeWith(FILLED);
  const { services } = compose;

  it('refuses to begin without any one of the values it needs, none of which has a default', () => {
    const needed = [...composeVariables()].filter(([, { isNeeded }]) => isNeeded).map(([name]) => name);
    expect(needed.toSorted()).toEqual(Object.keys(FILLED).toSorted());
    for (const name of needed) expect(() => composeWith({ ...FILLED, [name]: '' })).toThrow(MissingVariable);
    const example = [...read('.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => ({ name, value }));
    expect(new Set(example.map(({ name }) => name))).toEqual(new Set(needed));
    expect(example.filter(({ value }) => value !== '')).toEqual([]);
  });

  it.each(ROLES)('gives the role %s only settings there are, and all that it needs', (role) => {
    const environment = services[role]!.environment!;
    expect(Object.keys(environment).filter((name) => !settings.has(name))).toEqual([]);
    const config = loadConfig(environment);
    expect(config.roles).toEqual([role]);
    expect(config.database.url).toBe('postgres://slipway:b2@postgres:5432/slipway');
    expect(config.temporal).toMatchObject({ address: 'temporal:7233', uiUrl: 'https://temporal.example.com' });
    expect(config.temporal.payloadKeys).toHaveLength(1);
  });

  it('opens the ports of devices at their address only, under the numbers the gateway listens on', () => {
    const config = loadConfig(services['gateway']!.environment);
    const { first, last } = config.ftp.passivePorts!;
    const ports = [
      ...[config.terminal.port, config.pile.port, config.deviceHttp.port].map((port) => `${port}:${port}/tcp`),
      `${config.pcp.port}:${config.pcp.port}/udp`,
      `${config.ftp.port}:${config.ftp.port}/tcp`,
      `${first}-${last}:${first}-${last}/tcp`,
    ];
    expect(services['gateway']!.ports).toEqual(ports.map((each) => `10.8.0.1:${each}`));
    const others = Object.entries(services).filter(([name, { ports }]) => name !== 'gateway' && ports !== undefined);
    expect(others.map(([name, { ports }]) => [name, ports])).toEqual([
      ['proxy', ['80:80', '443:443']],
      ['temporal-ui', ['127.0.0.1:8233:8080']],
    ]);
  });

  it('asks each role for its health where it answers', () => {
    for (const role of ROLES) {
      const config = loadConfig(services[role]!.environment);
      const port = role === 'api' ? config.api.port : config.api.probePort;
      expect(services[role]!.healthcheck!.test.at(-1)).toContain(`http://127.0.0.1:${port}/readyz`);
    }
    expect(read('proxy/Caddyfile')).toContain(`port ${loadConfig(services['api']!.environment).api.port}`);
  });

  it('names every image with its version, bounds every process that stays, and hides the databases', () => {
    for (const [name, { image, deploy }] of Object.entries(services)) {
      expect(isPinned(image), `${name}: ${image}`).toBe(true);
      const ends = ['temporal-schema', 'temporal-namespace', 'backup'].includes(name);
      if (!ends) expect(deploy?.resources?.limits?.memory, name).toBeDefined();
    }
    for (const role of ROLES) {
      expect(services[role]).toMatchObject({ read_only: true, user: '1000:1000', cap_drop: ['ALL'] });
    }
    for (const name of ['postgres', 'temporal']) expect(services[name]!.networks).toEqual(['inner']);
    expect(compose.networks['inner']).toEqual({ internal: true });
  });

  it('mounts files and volumes there are', () => {
    const mounts = Object.values(services).flatMap(({ volumes = [] }) => volumes.map((each) => each.split(':')[0]!));
    for (const source of new Set(mounts)) {
      if (source.startsWith('./')) expect(read(source), source).not.toBe('');
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
  });

  it('leaves connections enough for every process of Slipway and Temporal', () => {
    const most = Number(/max_connections=(\d+)/.exec(services['postgres']!.command!.join(' '))?.[1]);
    const ofSlipway = ROLES.map((role) => {
      const { database } = loadConfig(services[role]!.environment);
      return (services[role]!.deploy?.replicas ?? 1) * (database.poolSize + 2);
    });
    const { environment } = services['temporal']!;
    const ofTemporal = Number(environment!['SQL_MAX_CONNS']) + Number(environment!['SQL_VIS_MAX_CONNS']);
    expect(most).toBeGreaterThan(ofSlipway.reduce((sum, each) => sum + each, ofTemporal) * 1.2);
  });
});

describe('the Kubernetes manifests', () => {
  const find = (kind: string, name: string) =>
    manifests.find((each) => each.kind === kind && each.metadata.name === name);

  /** The environment of a role's container as the cluster makes it, with texts for secrets. */
  function environmentOf(role: string): Record<string, string> {
    const [container] = podOf(find('Deployment', role)!)!.containers;
    const shared = container!.envFrom!.map(({ configMapRef }) => find('ConfigMap', configMapRef.name)!.data!);
    const secrets: Record<string, string> = {
      DATABASE_URL: 'postgres://slipway:b2@postgres:5432/slipway',
      TEMPORAL_PAYLOAD_KEYS: FILLED.TEMPORAL_PAYLOAD_KEYS,
      MOM_TOKEN: 'token-of-the-hall',
    };
    const own = container!.env!.map(({ name, value, valueFrom }) => [
      name,
      value ?? (valueFrom?.secretKeyRef === undefined ? `${role}-0` : secrets[valueFrom.secretKeyRef.key]),
    ]);
    return Object.assign({}, ...shared, Object.fromEntries(own)) as Record<string, string>;
  }

  it.each(ROLES)('give the role %s only settings there are, and all that it needs', (role) => {
    const environment = environmentOf(role);
    expect(Object.keys(environment).filter((name) => !settings.has(name))).toEqual([]);
    expect(loadConfig(environment).roles).toEqual([role]);
    expect(loadConfig({ ...environment, DATABASE_URL: 'postgres://x@y/z' }).temporal.address).toBe('temporal:7233');
    // What the form leaves empty keeps it from starting.
    expect(() => loadConfig({ ...environment, DATABASE_URL: '' })).toThrow('DATABASE_URL');
  });

  it.each(ROLES)('ask the role %s for its health where it answers, and keep one of it', (role) => {
    const [container] = podOf(find('Deployment', role)!)!.containers;
    const config = loadConfig(environmentOf(role));
    const port = role === 'api' ? config.api.port : config.api.probePort;
    expect(container!.readinessProbe!.httpGet).toEqual({ path: '/readyz', port: 'probes' });
    expect(container!.livenessProbe!.httpGet).toEqual({ path: '/healthz', port: 'probes' });
    expect(container!.ports!.find(({ name }) => name === 'probes')!.containerPort).toBe(port);
    expect(find('PodDisruptionBudget', role)!.spec!.minAvailable).toBe(1);
    expect(find('Deployment', role)!.spec!.replicas).toBeGreaterThan(1);
  });

  it('lead every port of the gateway to it, TCP as TCP and UDP as UDP', () => {
    const config = loadConfig(environmentOf('gateway'));
    const { first, last } = config.ftp.passivePorts!;
    const passive = Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/TCP`);
    const wanted = [config.terminal.port, config.deviceHttp.port, config.pile.port, config.ftp.port].map(
      (port) => `${port}/TCP`,
    );
    const [container] = podOf(find('Deployment', 'gateway')!)!.containers;
    const named = new Map(
      container!.ports!.map((each) => [each.name, `${each.containerPort}/${each.protocol ?? 'TCP'}`]),
    );
    const led = ['devices', 'piles', 'coap'].flatMap((name) =>
      find('Service', name)!.spec!.ports!.map(({ port, targetPort, protocol = 'TCP' }) => {
        const target = typeof targetPort === 'string' ? named.get(targetPort) : `${targetPort}/${protocol}`;
        expect(target, name).toBe(`${port}/${protocol}`);
        return target!;
      }),
    );
    expect(led.toSorted()).toEqual([...wanted, ...passive, `${config.pcp.port}/UDP`].toSorted());
  });

  it('let no pod run as root or with more rights than it has, nor without bounds, nor with an unnamed version', () => {
    const pods = manifests.flatMap((each) => {
      const pod = podOf(each);
      return pod === null ? [] : [{ name: `${each.kind} ${each.metadata.name}`, pod }];
    });
    expect(pods.length).toBeGreaterThan(7);
    for (const { name, pod } of pods) {
      expect(pod.securityContext?.runAsNonRoot, name).toBe(true);
      for (const container of pod.containers) {
        expect(isPinned(container.image), `${name}: ${container.image}`).toBe(true);
        expect(container.securityContext?.allowPrivilegeEscalation, name).toBe(false);
        expect(Object.keys(container.resources?.limits ?? {}), name).toContain('memory');
        expect(Object.keys(container.resources?.requests ?? {}), name).toEqual(
          expect.arrayContaining(['cpu', 'memory']),
        );
      }
    }
  });

  it('take every secret from a form that has it, and the form has no values', () => {
    const forms = manifests.filter(({ kind }) => kind === 'Secret');
    const keys = new Set(
      forms.flatMap(({ metadata, stringData }) => Object.keys(stringData!).map((key) => `${metadata.name}/${key}`)),
    );
    expect(forms.flatMap(({ stringData }) => Object.values(stringData!)).filter((value) => value !== '')).toEqual([]);
    const used = containers(manifests).flatMap(({ env = [] }) =>
      env.flatMap(({ valueFrom }) =>
        valueFrom?.secretKeyRef ? [`${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}`] : [],
      ),
    );
    expect([...new Set(used)].toSorted()).toEqual([...keys].toSorted());
  });

  it('are all in kustomization.yaml but the form, with every file they mount', () => {
    const { resources, configMapGenerator } = parse(read('kustomization.yaml')) as {
      resources: string[];
      configMapGenerator: { name: string; files: string[] }[];
    };
    const files = new Set(manifests.map(({ file }) => `kubernetes/${file}`));
    files.delete('kubernetes/secret.example.yaml');
    expect(resources.toSorted()).toEqual([...files].toSorted());
    const generated = new Map(configMapGenerator.map(({ name, files }) => [name, files]));
    for (const path of [...generated.values()].flat()) expect(read(path)).not.toBe('');
    const mounted = manifests.flatMap((each) =>
      (podOf(each)?.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []),
    );
    expect([...new Set(mounted)].toSorted()).toEqual([...generated.keys()].toSorted());
  });

  it('give Temporal the same settings as the compose file, but for its address', () => {
    const [container] = podOf(find('Deployment', 'temporal')!)!.containers;
    const inCluster = Object.fromEntries(container!.env!.map(({ name, value }) => [name, value]));
    const alone = composeWith(FILLED).services['temporal']!;
    expect(container!.image).toBe(alone.image);
    const differs = new Set(['POSTGRES_PWD', 'BIND_ON_IP', 'DYNAMIC_CONFIG_FILE_PATH']);
    const same = (env: Record<string, string | undefined>) =>
      Object.fromEntries(Object.entries(env).filter(([name]) => !differs.has(name)));
    expect(same(inCluster)).toEqual(same(alone.environment!));
  });
});

function containers(all: readonly Manifest[]): Container[] {
  return all.flatMap((each) => podOf(each)?.containers ?? []);
}

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  it('has the Node.js that the program asks for, and no other user than `node`', () => {
    const { engines, version } = JSON.parse(readFileSync(join(deployment, '../../package.json'), 'utf8')) as {
      engines: { node: string };
      version: string;
    };
    const [, major] = /(\d+)/.exec(engines.node)!;
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)).toEqual(
      Array.from({ length: 2 }, () => expect.stringMatching(new RegExp(`^node:${major}\\.\\d+\\.\\d+-`)) as unknown),
    );
    expect(dockerfile).toContain('USER 1000:1000');
    for (const role of ROLES) expect(composeWith(FILLED).services[role]!.image).toBe(`slipway:${version}`);
  });

  it('takes from the build what the program reads, and names the ports it listens on', () => {
    for (const name of ['node_modules', 'dist', 'api/openapi.json', 'cli/slipway.js']) {
      expect(dockerfile).toContain(`/app/${name} ./${name}`);
    }
    const config = loadConfig({});
    const ports = [
      config.api.port,
      8081,
      config.terminal.port,
      config.pile.port,
      config.deviceHttp.port,
      config.ftp.port,
    ];
    expect(/^EXPOSE (.*)$/m.exec(dockerfile)?.[1]).toBe(`${ports.join(' ')} ${config.pcp.port}/udp`);
  });
});

describe('the scripts', () => {
  it.each(['backup.sh', 'restore.sh', 'postgres/roles.sh', 'temporal/schema.sh', 'temporal/namespace.sh'])(
    '%s can be read by a plain shell',
    (name) => {
      expect(() => execFileSync('sh', ['-n', join(deployment, name)])).not.toThrow();
    },
  );
});
