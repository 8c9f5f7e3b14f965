// Who may import whom: one rule per line of the table in ARCHITECTURE.md, "Layers".
// `npm run check` runs these rules and fails when fewer modules than expected were cruised.
const inside = '^control-plane/';
const pure = '^control-plane/(model|raft|state|deciders|analysis)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      comment: 'A cycle has no order in which to read it.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'model-imports-nothing',
      comment: 'The nouns are the bottom of the house.',
      severity: 'error',
      from: { path: '^control-plane/model/' },
      to: { pathNot: '^control-plane/model/' },
    },
    {
      name: 'core-imports-core-only',
      comment:
        'raft, state, deciders and analysis are pure: model and their own kind, no package, no Node API.',
      severity: 'error',
      from: { path: '^control-plane/(raft|state|deciders|analysis)/' },
      to: { pathNot: pure },
    },
    {
      name: 'core-parts-stay-apart',
      comment: 'A decider knows nothing of consensus, and the reverse; both speak through model.',
      severity: 'error',
      from: { path: '^control-plane/(raft|state|deciders|analysis)/' },
      to: { path: '^control-plane/(raft|state|deciders|analysis)/', pathNot: '^control-plane/$1/' },
    },
    {
      name: 'forecast-stands-alone',
      comment:
        'Forecasts are of numbers and times: they know no policy and no replica, no package, no Node API.',
      severity: 'error',
      from: { path: '^control-plane/forecast/' },
      to: { pathNot: '^control-plane/forecast/' },
    },
    {
      name: 'backtest-imports-the-core',
      comment: 'A backtest runs what decides live, and nothing that reads, waits or acts.',
      severity: 'error',
      from: { path: '^control-plane/backtest/' },
      to: { pathNot: '^control-plane/(backtest|deciders|forecast|model|state)/' },
    },
    {
      name: 'strategies-stand-alone',
      comment: 'A strategy knows the model and its own kind; the pipeline that it enters calls it.',
      severity: 'error',
      from: { path: '^control-plane/deciders/strategies/' },
      to: { pathNot: '^control-plane/(model|deciders/strategies)/' },
    },
    {
      name: 'formula-stands-alone',
      comment: 'A formula is data with names: it knows no policy, no package and no other decider.',
      severity: 'error',
      from: { path: '^control-plane/deciders/formula/' },
      to: { pathNot: '^control-plane/(model|deciders/formula)/' },
    },
    {
      name: 'ports-import-model',
      comment: 'A port is an interface in the words of the model (and of the state it replicates).',
      severity: 'error',
      from: { path: '^control-plane/ports/' },
      to: { pathNot: '^control-plane/(model|state|ports)/' },
    },
    {
      name: 'schemas-import-model',
      comment:
        'Schemas turn unknown into model: they may use zod, cron, YAML and the grammars of PromQL and formulas.',
      severity: 'error',
      from: { path: '^control-plane/schemas/' },
      to: { path: inside, pathNot: '^control-plane/(model|schemas|deciders/formula)/' },
    },
    {
      name: 'loops-import-core-ports-telemetry',
      comment: 'Loops own time and order; they reach the outside only through ports.',
      severity: 'error',
      from: { path: '^control-plane/loops/' },
      to: {
        path: inside,
        pathNot:
          '^control-plane/(model|raft|state|deciders|forecast|analysis|backtest|ports|telemetry|loops)/',
      },
    },
    {
      name: 'adapters-import-model-ports',
      comment: 'An adapter fits one outside system to one port.',
      severity: 'error',
      from: { path: '^control-plane/adapters/' },
      to: { path: inside, pathNot: '^control-plane/(model|state|ports|schemas|adapters)/' },
    },
    {
      name: 'adapters-stay-apart',
      comment:
        'One adapter does not know another; what several need is in disk/ (of a directory) and replicas/ (of a replica).',
      severity: 'error',
      from: { path: '^control-plane/adapters/([^/]+)/' },
      to: {
        path: '^control-plane/adapters/',
        pathNot: ['^control-plane/adapters/$1/', '^control-plane/adapters/(disk|replicas)/'],
      },
    },
    {
      name: 'disk-stands-alone',
      comment: 'Adapters stand on disk/; it knows none of them, and nothing else of the house.',
      severity: 'error',
      from: { path: '^control-plane/adapters/disk/' },
      to: { path: inside, pathNot: '^control-plane/adapters/disk/' },
    },
    {
      name: 'replicas-stands-alone',
      comment: 'Targets stand on replicas/; it knows none of them.',
      severity: 'error',
      from: { path: '^control-plane/adapters/replicas/' },
      to: { path: '^control-plane/adapters/', pathNot: '^control-plane/adapters/replicas/' },
    },
    {
      name: 'http-imports-model-ports-telemetry',
      comment: 'The edge parses, calls an interface that it declares itself, and renders.',
      severity: 'error',
      from: { path: '^control-plane/http/' },
      to: { path: inside, pathNot: '^control-plane/(model|ports|telemetry|schemas|http)/' },
    },
    {
      name: 'telemetry-stands-alone',
      comment: 'Telemetry knows the model and nothing else of the house.',
      severity: 'error',
      from: { path: '^control-plane/telemetry/' },
      to: { path: inside, pathNot: '^control-plane/(model|telemetry)/' },
    },
    {
      name: 'only-app-composes',
      comment:
        'app.ts and composition/ wire, main.ts starts, backtest-worker.ts is started; nobody imports them back.',
      severity: 'error',
      from: {
        path: inside,
        pathNot: '^control-plane/((main|app|backtest-worker)\\.ts$|composition/)',
      },
      to: { path: '^control-plane/((main|app)\\.ts$|composition/)' },
    },
    {
      name: 'agents-and-plane-share-no-code',
      comment: 'They share metric names on the wire, never code.',
      severity: 'error',
      from: { path: '^agents/' },
      to: { path: '^(control-plane|demo)/' },
    },
    {
      name: 'plane-does-not-import-agents',
      comment: 'They share metric names on the wire, never code.',
      severity: 'error',
      from: { path: inside },
      to: { path: '^(agents|demo)/' },
    },
    {
      name: 'demo-shares-no-code',
      comment: 'The demo uses the product as its users do: processes and HTTP.',
      severity: 'error',
      from: { path: '^demo/' },
      to: { path: '^(control-plane|agents)/' },
    },
    {
      name: 'no-test-in-product',
      comment: 'Fakes live in test/support alone.',
      severity: 'error',
      from: { path: '^(control-plane|agents|demo)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-unresolved',
      comment: 'An import that resolves to nothing is a typo.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependency-in-product',
      comment: 'What runs in production is a dependency.',
      severity: 'error',
      from: { path: '^(control-plane|agents|demo)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
