/** Plants the mutant that the environment names, before anything is imported. For `node --import`. */

import process from 'node:process';
import { plantFault } from '../simulation/plant-loader.ts';
import { MUTANTS } from './mutants-list.part.ts';

const name = process.env['DECIDER_MUTANT'];
const mutant = MUTANTS.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`no mutant "${String(name)}"`);
plantFault(mutant);
