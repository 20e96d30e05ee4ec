// SPDX-License-Identifier: GPL-3.0-or-later
// A small circuit with the four public signals of every inference circuit, compiled, set up and proven for tests that
// need real proofs but no network: the product of two secrets, squared, tied to a context.
import { copyFile, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wtns } from 'snarkjs'
import { compileCached } from '../../../../keepers/zkml/circuit/compile.ts'
import { CACHE } from '../../../../scripts/bootstrap/paths.mjs'

const SOURCE = `pragma circom 2.1.0;
template Toy(n) {
  signal input context;
  signal input left;
  signal input right;
  signal output model;
  signal output input_;
  signal output result;
  signal power[n + 1];
  signal bits[8];
  model <== left * left;
  input_ <== right * right + context;
  power[0] <== left * right;
  for (var i = 0; i < n; i++) power[i + 1] <== power[i] * power[i] + i * left - 3 * right;
  var sum = 0;
  for (var k = 0; k < 8; k++) {
    bits[k] <-- (left >> k) & 1;
    bits[k] * (bits[k] - 1) === 0;
    sum += bits[k] * (1 << k);
  }
  sum === left;
  result <== power[n] + context;
}
component main {public [context]} = Toy(SIZE);
`

export type ToyCircuit = {
  /** Temporary folder that holds everything; the caller removes it. */
  readonly folder: string
  readonly r1cs: string
  /** Its witness program. */
  readonly wasm: Uint8Array
  /** Witness file for left < 256. */
  witness(left: number, right: number, context: bigint): Promise<Uint8Array>
}

/** The circuit with about `size` constraints; compiled once a checkout. */
export async function compileToy(size = 20): Promise<ToyCircuit> {
  const source = SOURCE.replace('SIZE', String(size))
  const compiled = await compileCached(source, { cache: join(CACHE, 'circuits'), name: 'toy' })
  const folder = await mkdtemp(join(tmpdir(), 'cohort-toy-'))
  const r1cs = join(folder, 'toy.r1cs')
  await copyFile(compiled.r1cs, r1cs)
  const wasm = await readFile(compiled.wasm)
  return {
    folder,
    r1cs,
    wasm,
    async witness(left, right, context) {
      const file: { type: 'mem'; data?: Uint8Array } = { type: 'mem' }
      await wtns.calculate({ left, right, context }, wasm, file, { memorySize: 1 })
      return file.data!
    },
  }
}
