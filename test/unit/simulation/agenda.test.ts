import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Agenda } from '../../simulation/agenda.ts';

describe('the agenda of a simulated world', () => {
  it('gives events by time, and those of one moment in the order of their planning', () => {
    const property = fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
      const agenda = new Agenda<number>();
      times.forEach((atMs, number) => {
        agenda.at(atMs, number);
      });
      const taken: number[] = [];
      for (let next = agenda.take(); next !== null; next = agenda.take()) taken.push(next);
      const numbers = times.map((_, number) => number);
      const expected = numbers.toSorted((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
      assert.deepEqual(taken, expected);
    });
    fc.assert(property);
  });

  it('plans nothing into the past', () => {
    const agenda = new Agenda<string>();
    agenda.at(10, 'later');
    assert.equal(agenda.take(), 'later');
    agenda.at(3, 'too late');
    assert.equal(agenda.take(), 'too late');
    assert.equal(agenda.nowMs, 10);
    assert.equal(agenda.take(), null);
  });
});
