/**
 * Mutants of the scale decider: an operator turned, a boundary moved by one, a stage left out, two sides
 * swapped. Each is a piece of text that occurs exactly once in its file, and what stands there instead.
 * Every one of them decides wrongly for some input; those that could not be told apart are not listed.
 */

import type { Plant } from '../simulation/plants/plant.ts';
import { PIPELINE_MUTANTS } from './mutants-pipeline.part.ts';
import { STRATEGY_MUTANTS } from './mutants-strategies.part.ts';

export const MUTANTS: readonly Plant[] = [...PIPELINE_MUTANTS, ...STRATEGY_MUTANTS];
