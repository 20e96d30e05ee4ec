// SPDX-License-Identifier: GPL-3.0-or-later
// The benchmark peers of circuits/naive are forgeable, and the forgeries that pass there are refused by our gadgets: so the
// forgery tests can fail.
import { expect } from 'chai'
import { Circuit, field, mainOf, P } from './gadget.ts'

const NAIVE = ['circuits/naive']

async function naive(template: string, parameters: readonly unknown[], visible: readonly string[]): Promise<Circuit> {
  const source = mainOf('circomlib_ml_style', template, parameters, visible)
  return Circuit.compile(source, { name: `naive-${template}`, libraries: NAIVE })
}

describe('the naive circuits that ours are compared with', function () {
  this.timeout(60_000)

  it('rescale: accepts any quotient, because an assert is no constraint; ours accepts one', async () => {
    const circuit = await naive('NaiveRescale', [4], ['in'])
    const probe = circuit.system.probe(circuit.witness({ in: 1000n }))
    for (const quotient of [0, 1, 63, 5000]) {
      const forged = { out: BigInt(quotient), remainder: field(1000 - 16 * quotient) }
      expect(circuit.violation(probe, forged), `⌊1000 / 16⌋ = ${quotient}`).to.equal(null)
    }
    expect(circuit.open()).to.include('main.out')

    const ours = await Circuit.instance('rescale-unsigned-10-4')
    const honest = ours.system.probe(ours.witness({ in: 1000n }))
    for (const quotient of [0, 1, 61, 63, 5000])
      ours.expectRefused(honest, { out: BigInt(quotient) }, `quotient ${quotient}`)
  })

  it('relu: accepts 0 for a positive number by the bits of x + p; ours has no bits to spare', async () => {
    const circuit = await naive('NaiveRelu', [], ['in'])
    const witness = circuit.witness({ in: 1000n })
    expect(circuit.value(witness, 'out')).to.equal(1000n)
    const alias = 1000n + P
    const half = (P - 1n) / 2n
    const changes: Record<string, bigint> = {}
    let [equal, greater] = [1n, 0n]
    for (let i = 253; i >= 0; i--) {
      const bit = (alias >> BigInt(i)) & 1n
      const both = equal * bit
      changes[`positive.bits.bit[${i}]`] = bit
      changes[`positive.both[${i}]`] = both
      if ((half >> BigInt(i)) & 1n) equal = both
      else [greater, equal] = [greater + both, equal - both]
    }
    expect(greater).to.equal(1n)
    changes['positive.out'] = 0n
    changes.out = 0n
    // Signals that simplification removed are given by the others.
    const left = Object.fromEntries(Object.entries(changes).filter(([name]) => circuit.symbols.has(`main.${name}`)))
    expect(circuit.violation(circuit.system.probe(witness), left)).to.equal(null)
    expect(circuit.open()).to.include('main.out')
  })

  it('argmax: takes a huge number for a score', async () => {
    const circuit = await naive('NaiveArgMax', [3], ['in'])
    expect(circuit.value(circuit.witness({ in: [5n, 9n, 7n] }), 'out')).to.equal(1n)
    // Unranged: −1 and 2^251 are both "scores", and order among them is by whatever the wrap gives.
    expect(circuit.value(circuit.witness({ in: [5n, 9n, 1n << 251n] }), 'out')).to.equal(2n)
  })
})
