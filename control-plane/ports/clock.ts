/** Time as an argument. `nowMs` is the wall clock (for records); `monotonicMs` never steps (for deadlines). */

export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
}
