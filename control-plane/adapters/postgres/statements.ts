/**
 * What the statements of all tables have in common: rows that come in one parameter a column, times
 * that travel as UNIX ms, and conditions of which only those asked for apply. Values are parameters
 * without exception; what stands in the text is the caller's own.
 */

/** Name, and type of the parameter; `unix_ms` travels as a number and becomes a time. */
export type Column = readonly [
  name: string,
  type: 'text' | 'int' | 'bigint' | 'float8' | 'json' | 'jsonb' | 'unix_ms',
];

/** One row, in the order of the columns. */
export type Row = readonly (string | number | null)[];

/** Inserts any number of rows; what a conflict means stands behind it. */
export function insertInto(table: string, columns: readonly Column[]): string {
  const names = columns.map(([name]) => name).join(', ');
  const values = columns.map(([name, type]) => (type === 'unix_ms' ? timeOf(name) : name));
  const arrays = columns.map(
    ([, type], index) => `$${index + 1}::${type === 'unix_ms' ? 'float8' : type}[]`,
  );
  return `
  insert into ${table} (${names})
  select ${values.join(', ')} from unnest(${arrays.join(', ')}) as batch (${names})`;
}

/** The parameters of `insertInto`. */
export function byColumn(columns: readonly Column[], rows: readonly Row[]): unknown[] {
  return columns.map((_, column) => rows.map((row) => row[column] ?? null));
}

/** A condition, with ? for its value; null asks for nothing. */
export type Condition = readonly [condition: string, value: unknown];

/** Those that ask for something, all of them together; no clause where none does. */
export function whereAll(conditions: readonly Condition[]): {
  readonly where: string;
  readonly parameters: unknown[];
} {
  const asked = conditions.filter(([, value]) => value !== null);
  const texts = asked.map(([condition], index) => condition.replace('?', `$${index + 1}`));
  return {
    where: texts.length === 0 ? '' : `where ${texts.join(' and ')}`,
    parameters: asked.map(([, value]) => value),
  };
}

export function timeOf(ms: string): string {
  return `to_timestamp(${ms}::float8 / 1000)`;
}
