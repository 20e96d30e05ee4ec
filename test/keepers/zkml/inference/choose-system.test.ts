// SPDX-License-Identifier: GPL-3.0-or-later
// The proof system of a circuit is chosen by what it costs, and what lookups cannot do stays with plain Groth16, by name.
import { expect } from 'chai'
import { chooseSystem } from '../../../../keepers/zkml/index.ts'
import { articleCnn, smallClassifier, smallCommittedCnn } from '../circuit/programs.ts'

describe('the choice of a proof system', () => {
  it('takes lookups where they make the domain smaller', () => {
    const choice = chooseSystem(articleCnn('before'))
    expect(choice.system).to.equal('groth16-lookup')
    expect([choice.plain.power, choice.lookup?.power]).to.deep.equal([15, 13])
    expect(choice.reason).to.match(
      /6,706 constraints on a domain of 2\^13 instead of 31,837 .* 2\^15: about 5\d % less/,
    )
    expect(chooseSystem(smallCommittedCnn()).system).to.equal('groth16-lookup')
  })

  it('keeps plain Groth16 for small circuits, where gas counts more', () => {
    const choice = chooseSystem(smallClassifier())
    expect(choice.system).to.equal('groth16')
    expect(choice.reason).to.match(/639 constraints on a domain of 2\^10 are few.*with lookups: 383/)
  })

  it('keeps plain Groth16 for what lookups cannot do, and says what that is', () => {
    const choice = chooseSystem(articleCnn('before'), { input: 'sha256' })
    expect([choice.system, choice.lookup]).to.deep.equal(['groth16', null])
    expect(choice.reason).to.match(/input sha256/)
  })
})
