// SPDX-License-Identifier: GPL-3.0-or-later
// Nothing but the honest witness: round 1 changed in thousands of ways, with a round 2 that makes the best of it; every gadget
// against every answer that a prover could give.
import { expect } from 'chai'
import { expectMutationsRefused } from '../../../circuits/gadget.ts'
import { everyLayer } from '../circuit/every-layer.ts'
import { randomInput } from '../circuit/forgery.ts'
import { seeded } from '../circuit/programs.ts'
import { randomProgram } from '../circuit/random-program.ts'
import { Adversary, expectForgeriesRefused } from './adversary.ts'
import { Direct } from './direct.ts'

describe('forgeries of circuits with lookups', function () {
  this.timeout(120_000)

  for (const mode of ['released', 'committed'] as const) {
    for (const kind of ['label', 'margin', 'logits-commitment'] as const) {
      it(`are refused: every layer, ${mode}, ${kind}`, () => {
        const random = seeded(7)
        const direct = new Direct(everyLayer(mode, { kind }))
        const adversary = new Adversary(direct.system, direct.circuit.shape)
        expect(adversary.lookups).to.be.above(50)
        const witness = direct.honest(randomInput(direct.program, random))
        expect(expectForgeriesRefused(adversary, direct.system, witness, 100, random)).to.be.above(50)
      })
    }
  }

  it('are refused in random networks', () => {
    const random = seeded(8)
    for (let seed = 1; seed <= 6; seed++) {
      const program = randomProgram(seed, seed % 2 === 0 ? 'released' : 'committed')
      if (program === null) continue
      const direct = new Direct(program)
      const witness = direct.honest(randomInput(program, random))
      if (direct.circuit.shape.challenges === 0) continue
      const adversary = new Adversary(direct.system, direct.circuit.shape)
      expectForgeriesRefused(adversary, direct.system, witness, 60, random)
    }
  })

  it('are refused where ranges are bits', () => {
    const random = seeded(9)
    for (const mode of ['released', 'committed'] as const) {
      const direct = new Direct(everyLayer(mode, { kind: 'margin' }), { system: 'groth16' })
      const witness = direct.honest(randomInput(direct.program, random))
      const wires = Array.from({ length: direct.circuit.variables - 5 }, (_, i) => 5 + i)
      const names = { names: () => new Map(wires.map((wire) => [wire, `wire ${wire}`])) }
      const circuit = { system: direct.system, symbols: names } as unknown as Parameters<
        typeof expectMutationsRefused
      >[0]
      expectMutationsRefused(circuit, witness, wires, 3000, random)
    }
  })
})
