/**
 * Reads the numbers that the demo's processes take from their environment. A value that is not a
 * number, or out of its range, ends the process at start with the variable's name; nothing is
 * replaced by a default behind the reader's back.
 */

export interface NumberSetting {
  readonly name: string;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws Error naming the variable, its value and its range. */
export function readNumber(environment: Environment, setting: NumberSetting): number {
  const text = environment[setting.name];
  if (text === undefined || text === '') return setting.fallback;
  const value = Number(text);
  if (Number.isFinite(value) && value >= setting.min && value <= setting.max) return value;
  throw new Error(
    `${setting.name} is ${JSON.stringify(text)}; expected a number from ${setting.min} to ${setting.max}`,
  );
}

export function readText(environment: Environment, name: string, fallback: string): string {
  const text = environment[name];
  return text === undefined || text === '' ? fallback : text;
}
