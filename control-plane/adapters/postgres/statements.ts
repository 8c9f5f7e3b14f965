/**
 * What the statements of all tables have in common: rows that come in one parameter a column, times
 * that travel as UNIX ms, and conditions of which only those asked for apply. Values are parameters
 * without exception; what stands in the text is the caller's own.
 */

/**
 * Name, and type of the parameter; `unix_ms` travels as a number and becomes a time. `json` travels as
 * one array of all rows' texts, which are stored verbatim: as elements of an array literal each would
 * be escaped a second time, which cost more than all the rest of writing a row. Never null.
 */
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
  const sets = columns.map(([, type], index) => setOf(type, index + 1));
  return `
  insert into ${table} (${names})
  select ${values.join(', ')} from rows from (${sets.join(', ')}) as batch (${names})`;
}

/** The parameters of `insertInto`. */
export function byColumn(columns: readonly Column[], rows: readonly Row[]): unknown[] {
  return columns.map(([, type], column) => {
    const values = rows.map((row) => row[column] ?? null);
    return type === 'json' ? `[${values.join(',')}]` : values;
  });
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

function setOf(type: Column[1], parameter: number): string {
  if (type === 'json') return `json_array_elements($${parameter}::json)`;
  return `unnest($${parameter}::${type === 'unix_ms' ? 'float8' : type}[])`;
}

export function timeOf(ms: string): string {
  return `to_timestamp(${ms}::float8 / 1000)`;
}
