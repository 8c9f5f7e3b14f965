import assert from 'node:assert/strict';
import { generateDashboards } from '../../../grafana/generate.ts';
import { UIDS } from '../../../grafana/src/links.ts';
import { UNITS } from '../../../grafana/src/units.ts';
import {
  queriesOf,
  readDashboards,
  valuePanels,
  variablesIn,
  type Dashboard,
  type DashboardPanel,
} from '../../support/dashboards.ts';
import { filesIn, namesIn, textOf } from '../../support/source-tree.ts';

const DASHBOARDS = readDashboards();
const PANELS = DASHBOARDS.flatMap((dashboard) =>
  dashboard.panels
    .filter(({ type }) => type !== 'row')
    .map((panel) => ({ name: `${dashboard.uid} / ${panel.title}`, panel })),
);
const VALUE_PANELS = DASHBOARDS.flatMap((dashboard) =>
  valuePanels(dashboard).map((panel) => ({ name: `${dashboard.uid} / ${panel.title}`, panel })),
);
/** All but the Angular ones, which newer Grafanas cannot show. */
const PANEL_TYPES = [
  'row',
  'timeseries',
  'stat',
  'bargauge',
  'heatmap',
  'state-timeline',
  'table',
  'text',
];
/** Labels of which a fleet has as many values as it likes. */
const UNBOUNDED =
  /\{\{(node|workload|uuid|index|device|target|instance_address|replica_address|mountpoint|pid|command|route|replica|alertname)\}\}/;
/** What the control plane answers. */
const API_PATHS = namesIn(textOf('test/golden/openapi.json'), /^ {4}"(\/[^"]*)": \{$/gm);
/** As much as a person on a phone reads before the panel. */
const DESCRIPTION_CHARACTERS_MIN = 20;

describe('the dashboards', () => {
  it('are the ten of the product, each in the file of its uid', () => {
    assert.deepEqual(
      filesIn(['grafana/dashboards'], ['.json']).map(({ path }) => path),
      [...UIDS].map((uid) => `grafana/dashboards/${uid}.json`).sort(),
    );
    assert.deepEqual(new Set(DASHBOARDS.map(({ uid }) => uid)), new Set(UIDS));
  });

  it('are what their sources generate (node grafana/generate.ts)', async () => {
    const generated = await generateDashboards();
    assert.deepEqual(
      [...generated]
        .filter(([name, text]) => textOf(`grafana/dashboards/${name}`) !== text)
        .map(([name]) => name),
      [],
    );
  });

  it('load in Grafana 10.4 and newer, read-only, in the reader’s time zone', () => {
    for (const dashboard of DASHBOARDS) {
      assert.equal(dashboard.schemaVersion, 39);
      assert.equal(dashboard.editable, false);
      assert.equal(dashboard.timezone, 'browser');
      assert.equal(dashboard.refresh, '30s');
      assert.deepEqual(dashboard.tags, ['omnimind']);
      assert.ok(dashboard.description.length >= DESCRIPTION_CHARACTERS_MIN, dashboard.uid);
    }
    assert.deepEqual(
      PANELS.filter(({ panel }) => !PANEL_TYPES.includes(panel.type)).map(({ name }) => name),
      [],
    );
  });

  it('have panels', () => {
    for (const { uid, panels } of DASHBOARDS) assert.ok(panels.length > 5, uid);
  });

  it('show decisions, elections and alerts as annotations, from the views made for it', () => {
    for (const { annotations } of DASHBOARDS) {
      assert.deepEqual(
        annotations.list.map(({ target }) => /FROM (\w+)/.exec(target.rawSql)?.[1]),
        ['grafana_decisions', 'grafana_elections', 'grafana_alerts'],
      );
    }
    const views = namesIn(
      filesIn(['control-plane/adapters/postgres'], ['.sql'])
        .map(({ text }) => text)
        .join('\n'),
      /create (?:or replace )?view (grafana_\w+)/gi,
    );
    assert.deepEqual(views, ['grafana_alerts', 'grafana_decisions', 'grafana_elections']);
  });

  it('lead to each other by one menu', () => {
    for (const { links } of DASHBOARDS) {
      assert.deepEqual(
        links.map(({ type, tags }) => ({ type, tags })),
        [{ type: 'dashboards', tags: ['omnimind'] }],
      );
    }
  });
});

describe('every panel', () => {
  it('has a title, a description and a link', () => {
    assert.ok(PANELS.length > 100, `${PANELS.length}`);
    for (const { name, panel } of PANELS) {
      assert.match(panel.title, /\S/, name);
      assert.ok(panel.description.length >= DESCRIPTION_CHARACTERS_MIN, name);
      assert.ok(panel.links.length > 0, name);
    }
  });

  it('with values has a unit, and says why there may be none', () => {
    const units: readonly string[] = Object.values(UNITS);
    for (const { name, panel } of VALUE_PANELS) {
      const { unit, noValue } = panel.fieldConfig.defaults;
      assert.ok(unit !== undefined && units.includes(unit), `${name}: unit ${String(unit)}`);
      assert.ok(noValue !== undefined && noValue.length > 5, `${name}: noValue`);
    }
  });

  it('has a number of its own, and a place that no other covers', () => {
    for (const { uid, panels } of DASHBOARDS) {
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, uid);
      for (const [at, panel] of panels.entries()) {
        assert.ok(panel.gridPos.x + panel.gridPos.w <= 24, `${uid} / ${panel.title}`);
        const covered = panels.slice(at + 1).find((other) => overlap(panel, other));
        assert.equal(covered, undefined, `${uid} / ${panel.title} covers ${covered?.title ?? ''}`);
      }
    }
  });

  it('reads the data source that the reader chose, each query under a reference of its own', () => {
    for (const { name, panel } of VALUE_PANELS) {
      assert.ok(panel.targets.length > 0, name);
      assert.equal(panel.datasource?.uid, '${datasource}', name);
      for (const target of panel.targets)
        assert.equal(target.datasource.uid, '${datasource}', name);
      const refs = panel.targets.map(({ refId }) => refId);
      assert.ok(
        refs.every((ref) => /^[A-Z]$/.test(ref)),
        name,
      );
      assert.equal(new Set(refs).size, refs.length, name);
    }
  });

  it('takes rates over the interval that Grafana knows to have enough samples', () => {
    const others = DASHBOARDS.flatMap(queriesOf).flatMap(({ uid, panel, expr }) =>
      [...expr.matchAll(/\b(rate|irate|increase|delta)\([^[\]]*\[([^\]]+)\]/g)]
        // An increase within the last hour means that hour, however far the reader has zoomed.
        .filter(([, call = '', window = '']) =>
          call === 'increase'
            ? !/^(\$__rate_interval|\$__range|\d+[hd])$/.test(window)
            : window !== '$__rate_interval',
        )
        .map(([, call = '', window = '']) => `${uid} / ${panel}: ${call} over ${window}`),
    );
    assert.deepEqual(others, []);
  });

  it('draws a bounded number of lines', () => {
    const unbounded = VALUE_PANELS.filter(({ panel }) => panel.type !== 'table').flatMap(
      ({ name, panel }) =>
        panel.targets
          .filter(
            ({ expr, legendFormat }) =>
              UNBOUNDED.test(legendFormat) && !/^\(?(topk|bottomk)\(/.test(expr),
          )
          .map(({ legendFormat }) => `${name}: ${legendFormat} without topk`),
    );
    assert.deepEqual(unbounded, []);
  });
});

describe('the variables', () => {
  it('begin with the data source, and say what they are', () => {
    for (const { uid, templating } of DASHBOARDS) {
      assert.deepEqual(
        templating.list.filter(({ type }) => type === 'datasource').map(({ name }) => name),
        ['datasource'],
      );
      assert.equal(templating.list[0]?.label, 'Data source');
      for (const { name, label, description } of templating.list) {
        assert.match(label, /\S/, `${uid} ${name}`);
        assert.match(description, /\S/, `${uid} ${name}`);
      }
    }
  });

  it('that queries, links and titles use exist, and those that exist are used', () => {
    for (const dashboard of DASHBOARDS) {
      const defined = dashboard.templating.list.map(({ name }) => name);
      const used = new Set(usedVariables(dashboard));
      assert.deepEqual(
        [...used].filter((name) => !defined.includes(name)),
        [],
        dashboard.uid,
      );
      assert.deepEqual(
        defined.filter((name) => name !== 'datasource' && !used.has(name)),
        [],
        dashboard.uid,
      );
    }
  });
});

describe('the links', () => {
  it('lead to headings of the runbook that exist, and to dashboards that know their variables', () => {
    const headings = new Set(
      [...textOf('alerts/runbook.md').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title.trim().toLowerCase(),
      ),
    );
    const dead = DASHBOARDS.flatMap((dashboard) =>
      dashboard.panels.flatMap((panel) =>
        urlsOf(panel)
          .filter((url) => !leadsSomewhere(url, headings))
          .map((url) => `${dashboard.uid} / ${panel.title}: ${url}`),
      ),
    );
    assert.deepEqual(dead, []);
  });
});

function leadsSomewhere(url: string, headings: ReadonlySet<string>): boolean {
  // What is clicked is the alert, or its dashboard: the row says which.
  if (/(runbook\.md#|^\/d\/)\$\{__value\.raw\}/.test(url)) return true;
  const path = /^http:\/\/localhost:7400([^?]*)/.exec(url)?.[1];
  if (path !== undefined) return API_PATHS.includes(path);
  const heading = /runbook\.md#(.+)$/.exec(url)?.[1];
  if (heading !== undefined) return headings.has(heading);
  const [, uid, query = ''] = /^\/d\/([\w-]+)(?:\?(.*))?$/.exec(url) ?? [];
  const dashboard = DASHBOARDS.find((one) => one.uid === uid);
  if (dashboard === undefined) return /^https:\/\/|^\/(explore|alerting)/.test(url);
  const names = dashboard.templating.list.map(({ name }) => name);
  const told = [...query.matchAll(/var-(\w+)=|\$\{(\w+):queryparam\}/g)].map(
    ([, value, handed]) => value ?? handed ?? '',
  );
  return told.every((name) => names.includes(name));
}

function urlsOf(panel: DashboardPanel): readonly string[] {
  const inFields = panel.fieldConfig.overrides.flatMap(({ properties }) =>
    properties.filter(({ id }) => id === 'links').map(({ value }) => JSON.stringify(value)),
  );
  return [
    ...[...panel.links, ...panel.fieldConfig.defaults.links].map(({ url = '' }) => url),
    ...inFields.flatMap((text) =>
      [...text.matchAll(/"url":"([^"]+)"/g)].map(([, url = '']) => url),
    ),
  ];
}

function usedVariables(dashboard: Dashboard): readonly string[] {
  return [
    ...queriesOf(dashboard).flatMap(({ expr }) => variablesIn(expr)),
    ...dashboard.templating.list.flatMap(({ definition = '' }) => variablesIn(definition)),
    ...dashboard.panels.flatMap((panel) => [
      ...variablesIn(panel.title),
      ...urlsOf(panel).flatMap(variablesIn),
    ]),
  ];
}

function overlap({ gridPos: a }: DashboardPanel, { gridPos: b }: DashboardPanel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
