/** The rules file for Prometheus: the alerts of the documentation and no others, each with what to do first. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const docs = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8');

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}

const { groups } = parse(docs('grafana/alerts.yaml')) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap(({ rules }) => rules);
const plain = (text: string) => text.replaceAll(/\s+/g, ' ').trim();

/** The alerts as docs/observability.md tells them. */
const told = [...docs('observability.md').matchAll(/^\*\*(.+?)\*\*(.*)\n\n```promql\n([\s\S]*?)```/gm)].map(
  ([, summary, rest = '', expr = '']) => {
    const [, minutes] = /^ \((\d+) minutes/.exec(rest) ?? [];
    return { summary, for: minutes === undefined ? undefined : `${minutes}m`, expr: plain(expr) };
  },
);

describe('alerts', () => {
  it('are those of docs/observability.md, with the same conditions and patience', () => {
    expect(told.length).toBeGreaterThan(10);
    const given = rules.map((rule) => ({ summary: rule.annotations.summary, for: rule.for, expr: plain(rule.expr) }));
    expect(given).toEqual(told);
  });

  it('have names of their own and a severity', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels } of rules) {
      expect(alert).toMatch(/^Slipway[A-Za-z]+$/);
      expect(['page', 'ticket']).toContain(labels.severity);
    }
  });

  it('lead to a runbook each, and there is no runbook without its alert', () => {
    const [, runbooks = ''] = /\n## Runbooks\n([\s\S]*?)\n## /.exec(docs('operations.md')) ?? [];
    const headings = [...runbooks.matchAll(/^### (\w+)$/gm)].map(([, name]) => name!);
    expect(headings).toEqual(rules.map(({ alert }) => alert));
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    }
    const steps = runbooks.split(/^### /m).slice(1);
    for (const each of steps) expect(each, 'at least two things to look at').toMatch(/\n1\. [\s\S]*\n2\. /);
  });
});
