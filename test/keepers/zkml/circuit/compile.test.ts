// SPDX-License-Identifier: GPL-3.0-or-later
// The compiler's run, and what is done with bytes that are not what they should be.
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { compileCached, compileCircuit } from '../../../../keepers/zkml/circuit/compile.ts'
import { ConstraintSystem, decodeWitness } from '../../../../keepers/zkml/circuit/constraints.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { poseidon } from '../../../../keepers/zkml/circuit/poseidon.ts'
import {
  poseidonConstants,
  poseidonInputs,
  withoutOtherWidths,
} from '../../../../keepers/zkml/circuit/poseidon-constants.ts'
import { Symbols } from '../../../../keepers/zkml/circuit/symbols.ts'
import { WitnessProgram } from '../../../../keepers/zkml/circuit/witness.ts'
import { SetupError } from '../../../../keepers/zkml/setup/errors.ts'

const SOURCE = 'pragma circom 2.2.0;\ninclude "range.circom";\ncomponent main {public [in]} = Range(0, 4);\n'
/** Long enough to be caught at work. */
const SLOW = `pragma circom 2.2.0;
template T(n) { signal input a; signal output b; var s = 0; for (var i = 0; i < n; i++) { s += i * i; } b <== a * a + s; }
component main = T(200000000);`

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('no error'),
    (error: unknown) => error,
  )
}

describe('compiling and running circuits', function () {
  this.timeout(60_000)
  const fresh = () => mkdtempSync(join(tmpdir(), 'circuit-compile-'))

  it('leaves constraints, witness program, symbols and source, and nothing of its work', async () => {
    const directory = fresh()
    await compileCircuit(SOURCE, { directory, name: 'range' })
    expect(readdirSync(directory).sort()).to.deep.equal(['range.circom', 'range.r1cs', 'range.sym', 'range.wasm'])
  })

  it('says what circom said, and leaves the directory as it was', async () => {
    const directory = fresh()
    writeFileSync(join(directory, 'circuit.r1cs'), 'older')
    const error = await failure(compileCircuit(SOURCE.replace('4)', '300)'), { directory }))
    expect(error).to.be.instanceOf(CircuitError).with.property('code', 'compile-failed')
    expect(String(error)).to.match(/range\.circom|assert/i)
    const syntax = await failure(compileCircuit('template T( {', { directory }))
    expect(syntax).to.be.instanceOf(CircuitError)
    expect(readdirSync(directory)).to.deep.equal(['circuit.r1cs'])
    expect(readFileSync(join(directory, 'circuit.r1cs'), 'utf8')).to.equal('older')
  })

  it('stops when it is told to', async () => {
    const directory = fresh()
    const abort = new AbortController()
    setTimeout(() => abort.abort(new Error('enough')), 600)
    const error = await failure(compileCircuit(SLOW, { directory, signal: abort.signal }))
    expect(String(error)).to.match(/enough/)
    expect(readdirSync(directory)).to.deep.equal([])
    expect(String(await failure(compileCircuit(SOURCE, { directory, signal: abort.signal })))).to.match(/enough/)
  })

  it('gives circom the constants of the widths that a source says, and all of them when it takes another', async () => {
    const inputs = [1n, 2n, 3n, 4n]
    // The width is no literal; a gadget with constants that are missing must not compile to anything.
    const template = 'template Of(n) { signal input in[2 * n]; signal output out; out <== Poseidon(2 * n)(in); }'
    for (const [main, said] of [
      ['component main = Poseidon(4);', true],
      [`${template}\ncomponent main = Of(2);`, false],
    ] as const) {
      expect(poseidonInputs(main).has(4)).to.equal(said)
      const source = `pragma circom 2.2.0;\ninclude "poseidon.circom";\n${main}\n`
      const { wasm } = await compileCircuit(source, { directory: fresh() })
      const program = readFileSync(wasm)
      const witness = decodeWitness((await WitnessProgram.load(program)).calculate({ in: inputs }))
      expect(witness[1]).to.equal(poseidon(inputs))
      expect(program.length < 200_000, `${program.length} bytes`).to.equal(said)
    }
  })

  it('finds the widths of the hashes in a source', () => {
    const found = (source: string) => [...poseidonInputs(source)].sort((a, b) => a - b)
    expect(found('component main = Range(0, 4);')).to.deep.equal([2, 5])
    expect(found('component a = Commitment(77, 1); component b = Commitment(5, 13);')).to.deep.equal([2, 3, 5, 15])
    expect(found('component a = Commitment(77, 14);')).to.deep.equal([2, 5, 16])
    expect(found('component a = Commitment(77, 40);')).to.deep.equal([2, 5, 12, 16])
  })

  it('leaves out the constants of other widths, whatever the width', () => {
    const constants = poseidonConstants()
    const count = (text: string) => text.replaceAll(/^\/\/.*/gm, '').match(/0x[0-9a-f]+/g)?.length ?? 0
    const each = Array.from({ length: 16 }, (_, i) => withoutOtherWidths(constants, new Set([i + 1])))
    for (const [i, text] of each.entries()) {
      expect([...text.matchAll(/if ?\(t ?== ?(\d+)\)/g)].map(([, width]) => Number(width))).to.deep.equal(
        Array(4).fill(i + 2),
      )
      expect(text.match(/assert\(0\);/g)).to.have.length(4)
    }
    expect(each.reduce((sum, text) => sum + count(text), 0)).to.equal(count(constants))
    expect(withoutOtherWidths('function POSEIDON_C(t) { return 1; }\n', new Set([1]))).to.contain('return 1')
  })

  it('compiles the same source once, and another source again', async () => {
    const cache = fresh()
    const [first, second] = [await compileCached(SOURCE, { cache }), await compileCached(SOURCE, { cache })]
    expect(second).to.deep.equal(first)
    const other = await compileCached(SOURCE.replace('4)', '5)'), { cache })
    expect(other.key).to.not.equal(first.key)
    const simplified = await compileCached(SOURCE, { cache, simplification: 'O2' })
    expect(simplified.key).to.not.equal(first.key)
    expect(readdirSync(cache)).to.have.length(3)
    expect(existsSync(first.r1cs)).to.equal(true)
  })

  it('runs a witness program again after inputs that it refused', async () => {
    const files = await compileCached(SOURCE, { cache: fresh() })
    const program = await WitnessProgram.load(readFileSync(files.wasm))
    const system = ConstraintSystem.parse(readFileSync(files.r1cs))
    for (let round = 0; round < 2; round++) {
      expect(() => program.calculate({ in: 16n })).to.throw(CircuitError, /constraint/)
      expect(system.firstViolation(decodeWitness(program.calculate({ in: 15n })))).to.equal(null)
    }
    expect(() => program.calculate({})).to.throw(CircuitError, /0 input values given, the circuit takes 1/)
    expect(() => program.calculate({ in: 1n, out: 1n })).to.throw(CircuitError, /no input out/)
    expect(() => program.calculate({ in: [1n, 2n] })).to.throw(CircuitError, /2 values, the circuit takes 1/)
    expect(() => program.calculate({ in: -1n })).to.throw(CircuitError, /not a field element/)
  })

  it('refuses files that are cut, and witnesses that are not canonical', async () => {
    const files = await compileCached(SOURCE, { cache: fresh() })
    const [wasm, r1cs] = [readFileSync(files.wasm), readFileSync(files.r1cs)]
    const broken = await failure(WitnessProgram.load(wasm.subarray(0, 1000)))
    expect(broken).to.be.instanceOf(CircuitError).with.property('code', 'malformed-file')
    for (const size of [0, 10, 100, r1cs.length - 1]) {
      expect(() => ConstraintSystem.parse(r1cs.subarray(0, size))).to.throw(SetupError)
    }
    expect(() => decodeWitness(new Uint8Array(31))).to.throw(CircuitError, /multiple of 32/)
    expect(() => decodeWitness(new Uint8Array(32).fill(255))).to.throw(CircuitError, /value 0 is not below r/)
    expect(() => Symbols.parse('1,2\n')).to.throw(CircuitError, /line 1/)
    const system = ConstraintSystem.parse(r1cs)
    const witness = decodeWitness((await WitnessProgram.load(wasm)).calculate({ in: 9n }))
    expect(() => system.firstViolation(witness.slice(1))).to.throw(CircuitError, /values/)
    expect(() => system.firstViolation(witness.with(0, 2n))).to.throw(CircuitError, /must be 1/)
    expect(() => system.probe(witness.with(2, 5n))).to.throw(CircuitError, /does not hold/)
  })
})
