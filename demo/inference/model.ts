/**
 * The network that `demo-inference` runs: a few dense layers with a ReLU between them, weights from
 * a fixed seed, one token after the other as a decoder does. The arithmetic is real and its answer
 * depends on the prompt, so the CPU time cannot be optimised away. It claims no meaning for the
 * tokens, and it does not wait for anything: what an accelerator would add is the server's business.
 */

/** Width of a layer. 128 × 128 multiplications take some 15 µs on a current core. */
const WIDTH = 128;

export interface Model {
  readonly layers: number;
  /** Yields one token id (0 to 127) per step; the same prompt gives the same tokens. */
  generate(prompt: string, tokens: number): Generator<number, void>;
}

export function createModel(layers: number, seed = 7): Model {
  const weights = Array.from({ length: layers }, (_, layer) => createLayer(seed + layer));
  return {
    layers,
    *generate(prompt, tokens) {
      const context = embed(prompt);
      let state = context;
      for (let step = 0; step < tokens; step += 1) {
        for (const layer of weights) state = forward(layer, state);
        const token = largestIndex(state);
        yield token;
        // A decoder reads the prompt and what it wrote; without this it would settle on one token.
        state = state.map((value, index) => value + (context[index] ?? 0));
        state[(token * 7 + step) % WIDTH] = 1;
      }
    },
  };
}

function createLayer(seed: number): Float32Array {
  let state = (seed * 2654435761) >>> 0;
  return Float32Array.from({ length: WIDTH * WIDTH }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Spreads the prompt's characters over the state; never the zero vector, which would stay zero. */
function embed(prompt: string): Float32Array {
  const state = new Float32Array(WIDTH).fill(0.01);
  for (let index = 0; index < prompt.length; index += 1) {
    const slot = (index * 31 + prompt.charCodeAt(index)) % WIDTH;
    state[slot] = (state[slot] ?? 0) + prompt.charCodeAt(index) / 128;
  }
  return state;
}

/** One layer, scaled back to unit length so that no number of tokens overflows. */
function forward(layer: Float32Array, input: Float32Array): Float32Array {
  const output = new Float32Array(WIDTH);
  let squares = 0;
  for (let row = 0; row < WIDTH; row += 1) {
    let sum = 0;
    const offset = row * WIDTH;
    for (let column = 0; column < WIDTH; column += 1) {
      sum += (layer[offset + column] ?? 0) * (input[column] ?? 0);
    }
    const activated = sum > 0 ? sum : 0.01 * sum;
    output[row] = activated;
    squares += activated * activated;
  }
  const scale = 1 / Math.max(Math.sqrt(squares), 1e-6);
  for (let row = 0; row < WIDTH; row += 1) output[row] = (output[row] ?? 0) * scale;
  return output;
}

function largestIndex(state: Float32Array): number {
  let best = 0;
  for (let index = 1; index < WIDTH; index += 1) {
    if ((state[index] ?? 0) > (state[best] ?? 0)) best = index;
  }
  return best;
}
