/**
 * The files of `docs/deployment` as data: the compose file with its variables filled in as `docker compose` does it, and
 * the Kubernetes manifests.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

export const deployment = fileURLToPath(new URL('../../docs/deployment/', import.meta.url));
export const read = (path: string): string => readFileSync(join(deployment, path), 'utf8');

export interface ComposeService {
  image: string;
  environment?: Record<string, string>;
  ports?: string[];
  networks?: string[];
  volumes?: string[];
  command?: string[];
  healthcheck?: { test: string[] };
  read_only?: boolean;
  user?: string;
  cap_drop?: string[];
  deploy?: { replicas?: number; resources?: { limits?: { memory?: string } } };
}

export interface Compose {
  services: Record<string, ComposeService>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, object>;
}

/** A variable the compose file cannot do without. */
export class MissingVariable extends Error {}

/** The compose file with these values for its variables, as `docker compose` fills them in. */
export function composeWith(values: Readonly<Record<string, string>>): Compose {
  const whole: unknown = parse(read('compose.yaml'), { merge: true });
  return filledIn(whole, values) as Compose;
}

function filledIn(part: unknown, values: Readonly<Record<string, string>>): unknown {
  if (typeof part === 'string')
    return part.replaceAll(VARIABLE, (_, name, rule, rest) => fill(name, rule, rest, values));
  if (Array.isArray(part)) return part.map((each) => filledIn(each, values));
  if (typeof part !== 'object' || part === null) return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, filledIn(value, values)]));
}

const VARIABLE = /\$\{(\w+)(?:(:-|:\?)([^}]*))?\}/g;

function fill(name: string, rule: string | undefined, rest: string, values: Readonly<Record<string, string>>): string {
  const value = values[name] ?? '';
  if (value !== '') return value;
  if (rule === ':-') return rest;
  throw new MissingVariable(`${name}: ${rest}`);
}

/** Every variable of the compose file and whether it must be set. */
export function composeVariables(): Map<string, { isNeeded: boolean }> {
  const found = new Map<string, { isNeeded: boolean }>();
  for (const [, name = '', rule] of read('compose.yaml').matchAll(VARIABLE)) {
    const isNeeded = rule !== ':-';
    if (found.has(name) && found.get(name)!.isNeeded !== isNeeded)
      throw new Error(`${name} is needed here and not there`);
    found.set(name, { isNeeded });
  }
  return found;
}

interface EnvironmentEntry {
  name: string;
  value?: string;
  valueFrom?: {
    secretKeyRef?: { name: string; key: string };
    fieldRef?: { fieldPath: string };
  };
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  env?: EnvironmentEntry[];
  envFrom?: { configMapRef: { name: string } }[];
  ports?: { name: string; containerPort: number; protocol?: string }[];
  readinessProbe?: { httpGet?: { path: string; port: string } };
  livenessProbe?: { httpGet?: { path: string; port: string } };
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: { readOnlyRootFilesystem?: boolean; allowPrivilegeEscalation?: boolean };
}

export interface PodSpec {
  containers: Container[];
  volumes?: { name: string; configMap?: { name: string } }[];
  securityContext?: { runAsNonRoot?: boolean };
}

/** One object of the cluster; as much of it as the tests look at. */
export interface Manifest {
  file: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  spec?: {
    template?: { metadata: { labels: Record<string, string> }; spec: PodSpec };
    jobTemplate?: { spec: { template: { spec: PodSpec } } };
    selector?: Record<string, unknown>;
    ports?: { name: string; port: number; targetPort?: string | number; protocol?: string }[];
    minAvailable?: number;
    replicas?: number;
  };
}

/** All objects of the Kubernetes manifests. */
export function kubernetesManifests(): Manifest[] {
  const folder = join(deployment, 'kubernetes');
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return names.flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
      if (document.errors.length > 0) throw document.errors[0]!;
      return { ...(document.toJS() as Omit<Manifest, 'file'>), file };
    }),
  );
}

/** The pods that an object makes; null when it makes none. */
export function podOf({ spec }: Manifest): PodSpec | null {
  return spec?.template?.spec ?? spec?.jobTemplate?.spec.template.spec ?? null;
}
