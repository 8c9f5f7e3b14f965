/**
 * The signatures of PromQL's functions and aggregations, as promql/parser/functions.go of
 * Prometheus has them. A table and nothing else.
 */

const TYPES = { v: 'vector', s: 'scalar', m: 'matrix', t: 'string' } as const;

export interface Signature {
  /** The last one stands for every further parameter. */
  readonly parameters: readonly ('vector' | 'scalar' | 'matrix' | 'string')[];
  readonly required: number;
  /** Infinity for any number. */
  readonly most: number;
  readonly returns: 'vector' | 'scalar';
}

/** Letters: v instant vector, s scalar, m range vector, t text; `?` optional, `*` any number. */
const VECTOR_FUNCTIONS: Readonly<Record<string, string>> = {
  v: 'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn sin sinh sort sort_desc sqrt start_timestamp tan tanh timestamp',
  'v?': 'day_of_month day_of_week day_of_year days_in_month hour minute month year',
  m: 'absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate last_over_time mad_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time',
  'v s': 'clamp_max clamp_min',
  'v s s': 'clamp',
  'v s?': 'round',
  'v v?': 'info',
  'm s': 'predict_linear',
  'm s s': 'double_exponential_smoothing',
  's m': 'quantile_over_time',
  's v': 'histogram_quantile',
  's s v': 'histogram_fraction',
  'v t s s*': 'histogram_quantiles',
  'v t t t t': 'label_replace',
  'v t t t*': 'label_join',
  'v t*': 'sort_by_label sort_by_label_desc',
  s: 'vector',
};

const SCALAR_FUNCTIONS: Readonly<Record<string, string>> = {
  '': 'pi time start end range step',
  v: 'scalar',
};

const AGGREGATION_OPERATORS: Readonly<Record<string, string>> = {
  v: 'avg count group max min stddev stdvar sum',
  's v': 'bottomk limitk limit_ratio quantile topk',
  't v': 'count_values',
};

export const FUNCTIONS: Readonly<Record<string, Signature>> = {
  ...signatures(VECTOR_FUNCTIONS, 'vector'),
  ...signatures(SCALAR_FUNCTIONS, 'scalar'),
};

export const AGGREGATIONS = signatures(AGGREGATION_OPERATORS, 'vector');

function signatures(
  table: Readonly<Record<string, string>>,
  returns: Signature['returns'],
): Readonly<Record<string, Signature>> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([letters, names]) =>
      names.split(' ').map((name) => [name, signatureOf(letters, returns)] as const),
    ),
  );
}

function signatureOf(letters: string, returns: Signature['returns']): Signature {
  const words = letters.split(' ').filter((word) => word !== '');
  return {
    parameters: words.map((word) => typeOf(word.charAt(0))),
    required: words.filter((word) => word.length === 1).length,
    most: letters.endsWith('*') ? Infinity : words.length,
    returns,
  };
}

function typeOf(letter: string): Signature['parameters'][number] {
  const found = Object.entries(TYPES).find(([key]) => key === letter);
  if (found === undefined) throw new Error(`no type has the letter ${letter}`);
  return found[1];
}
