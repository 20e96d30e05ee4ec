// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { architectureOf } from '../../../../keepers/zkml/circuit/architecture.ts'
import {
  commitInput,
  commitModel,
  commitSegments,
  commitWeights,
  packSegments,
  randomSalt,
} from '../../../../keepers/zkml/circuit/commitment.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { poseidon, poseidonChain } from '../../../../keepers/zkml/circuit/poseidon.ts'
import { buildWithPlan, calibrate, programFromJson, programToJson } from '../../../../keepers/zkml/index.ts'
import { twoLayers } from '../quantise/networks.ts'
import { Random } from '../random.ts'
import { smallCommittedCnn } from './programs.ts'

describe('commitments', () => {
  it('Poseidon is circomlib’s', () => {
    // From circomlibjs' own tests: poseidon([1, 2]) and poseidon([1, 2, 3, 4]).
    expect(poseidon([1n, 2n])).to.equal(7853200120776062878684798364095072458815029376092732009249414926327459813530n)
    expect(poseidon([1n, 2n, 3n, 4n])).to.equal(
      18821383157269793795438455681495246036402687001665670618754263018637548127333n,
    )
    expect(() => poseidon([])).to.throw(RangeError)
    expect(() => poseidon(new Array(17).fill(1n))).to.throw(RangeError)
  })

  it('Poseidon is that of another library at every width', async () => {
    const others: Record<string, unknown> = await import('poseidon-lite')
    const random = new Random(11)
    for (let count = 1; count <= 16; count++) {
      const inputs = Array.from({ length: count }, () => BigInt(random.int(0, 2 ** 30)) ** 9n % SCALAR_FIELD)
      inputs[0] = SCALAR_FIELD - 1n
      const other = others[`poseidon${count}`] as (inputs: bigint[]) => bigint
      expect(poseidon(inputs), `${count} elements`).to.equal(other(inputs))
    }
  })

  it('packs as many values as 253 bits hold, lowest first, starting again for each segment', () => {
    const wide = packSegments([{ values: [1, 2, 3, 4, 5, 6], bits: 50, min: 0 }])
    expect(wide).to.deep.equal([1n + (2n << 50n) + (3n << 100n) + (4n << 150n) + (5n << 200n), 6n])
    expect(packSegments([{ values: [-4, 3], bits: 3, min: -4 }])).to.deep.equal([0n + (7n << 3n)])
    const two = packSegments([
      { values: [1], bits: 8, min: 0 },
      { values: [2], bits: 8, min: 0 },
    ])
    expect(two).to.deep.equal([1n, 2n])
  })

  it('distinguishes values, order, salts, layouts and domains', () => {
    const base = { values: [1, 2, 3, 4], bits: 8, min: 0 }
    const commitments = [
      commitSegments('input', [base], 9n),
      commitSegments('input', [base], 10n),
      commitSegments('model', [base], 9n),
      commitSegments('input', [{ ...base, values: [1, 2, 4, 3] }], 9n),
      commitSegments('input', [{ ...base, values: [1, 2, 3, 4, 0] }], 9n),
      commitSegments('input', [{ ...base, bits: 9 }], 9n),
      commitSegments('input', [{ ...base, min: -1, values: [0, 1, 2, 3] }], 9n),
      commitSegments(
        'input',
        [
          { ...base, values: [1, 2] },
          { ...base, values: [3, 4] },
        ],
        9n,
      ),
    ]
    expect(new Set(commitments).size).to.equal(commitments.length)
  })

  it('a chain of more than one block absorbs every element', () => {
    const elements = Array.from({ length: 40 }, (_, i) => BigInt(i))
    const whole = poseidonChain(5n, elements)
    for (const i of [0, 14, 15, 29, 30, 39]) {
      expect(poseidonChain(5n, elements.with(i, 1000n))).to.not.equal(whole)
    }
    expect(() => poseidonChain(5n, [])).to.throw(RangeError)
  })

  it('a model’s commitment is that of its parameters in order', () => {
    const program = smallCommittedCnn()
    const parameters = program.layers.flatMap((layer) =>
      layer.kind === 'conv2d' || layer.kind === 'dense' ? [layer.weights, layer.bias] : [],
    )
    const architecture = architectureOf(program)
    expect(commitModel(program, 7n)).to.equal(commitWeights(parameters, 7n, architecture))
    expect(commitModel(program, 7n)).to.not.equal(commitWeights([...parameters].reverse(), 7n, architecture))
    expect(commitModel(program, 7n)).to.not.equal(commitWeights(parameters, 7n, architecture + 1n))
  })

  it('is another for another network of the same weights, and the same in both modes', () => {
    const random = new Random(5)
    const samples = [random.list(3, -1, 1), random.list(3, -1, 1)]
    const networks = (['relu', 'tanh', 'sigmoid'] as const).map((kind) => twoLayers(new Random(9), 3, 4, 2, { kind }))
    const found = networks.map((network) => {
      const { plan, program } = calibrate(network, samples, { mode: 'committed' })
      const released = buildWithPlan(network, { ...plan, mode: 'released' })
      expect(commitModel(released.program, 7n)).to.equal(commitModel(program, 7n))
      const margin = buildWithPlan(network, { ...plan, output: { kind: 'margin' } })
      expect(commitModel(margin.program, 7n)).to.equal(commitModel(program, 7n))
      const again = programFromJson(programToJson(released.program))
      expect(commitModel(again, 7n)).to.equal(commitModel(program, 7n))
      return commitModel(program, 7n)
    })
    expect(new Set(found).size).to.equal(found.length)
  })

  it('hashes how many segments there are before anything of them', () => {
    const one = commitSegments('input', [{ values: [1, 2], bits: 8, min: 0 }], 3n)
    const two = commitSegments(
      'input',
      [
        { values: [1], bits: 8, min: 0 },
        { values: [2], bits: 8, min: 0 },
      ],
      3n,
    )
    expect(one).to.not.equal(two)
    expect(commitSegments('model', [], 3n)).to.not.equal(commitSegments('model', [], 4n))
    expect(commitSegments('model', [], 3n)).to.not.equal(commitSegments('input', [], 3n))
  })

  it('names the value that does not fit, and refuses a salt that is not a field element', () => {
    expect(() => commitInput([0, 256], { bits: 8 }, 1n)).to.throw(CircuitError, /value 1: 256 .*\[0, 255\]/)
    expect(() => commitInput([0.5], { bits: 8 }, 1n)).to.throw(CircuitError, /0\.5/)
    expect(() => commitInput([Number.NaN], { bits: 8 }, 1n)).to.throw(CircuitError, /NaN/)
    expect(() => commitInput([1], { bits: 60 }, 1n)).to.throw(CircuitError, /60 bits/)
    expect(() => commitInput([1], { bits: 8 }, SCALAR_FIELD)).to.throw(CircuitError, /salt/)
    expect(() => commitInput([1], { bits: 8 }, -1n)).to.throw(CircuitError, /salt/)
  })

  it('salts are fresh and fit the field', () => {
    const salts = Array.from({ length: 50 }, randomSalt)
    expect(new Set(salts).size).to.equal(50)
    for (const salt of salts) expect(salt < 1n << 248n).to.equal(true)
    expect(salts.some((salt) => salt > 1n << 230n)).to.equal(true)
  })
})
