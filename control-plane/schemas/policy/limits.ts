/** How much one policy may ask for. */

export const REPLICAS_MAX = 100_000;

/** Metrics and strategies of one policy, together. */
export const METRICS_MAX = 16;

/** Budgets that one policy may share. */
export const BUDGETS_MAX = 8;

/** Rate policies of one direction. */
export const RATE_POLICIES_MAX = 10;

/** Steps of one strategy. */
export const STEPS_MAX = 20;

/** Inputs of one formula. */
export const FORMULA_INPUTS_MAX = 16;
