// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { addBranchProbes } from '../../scripts/check/coverage/branch-probes.ts'

const wrap = (body: string) => `contract A { function f(uint x) public { ${body} } }`
const sides = (body: string) => addBranchProbes(wrap(body)).branches.map((branch) => branch.side)

describe('branch probes', () => {
  it('give an if both its sides, written or not', () => {
    expect(sides('if (x > 1) x = 2;')).to.have.members(['if', 'else'])
    expect(sides('if (x > 1) { x = 2; } else { x = 3; }')).to.have.members(['if', 'else'])
  })

  it('count an else-if chain once for each decision', () => {
    expect(sides('if (x > 1) x = 2; else if (x > 0) x = 1; else x = 0;')).to.have.members(['if', 'if', 'else'])
  })

  it('keep a dangling else with its own if', () => {
    const { source, branches } = addBranchProbes(wrap('if (x > 1) if (x > 2) x = 3;'))
    expect(branches).to.have.length(4)
    // Four opening and closing pairs more than before, well nested: the parser accepts the result.
    expect(() => addBranchProbes(source)).to.not.throw()
  })

  it('give a catch its probe', () => {
    expect(sides('try this.f(1) { x = 1; } catch { x = 2; }')).to.deep.equal(['catch'])
  })

  it('know the line of each probe', () => {
    const { source, branches } = addBranchProbes(wrap('if (x > 1) { x = 2; }'))
    const lines = source.split('\n')
    for (const branch of branches) expect(lines[branch.probeLine - 1]).to.include('{ 0; }')
  })
})
