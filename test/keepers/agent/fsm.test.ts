// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { checkFsm, type FsmSubjects, projectSubjects } from '../../../keepers/agent/fsm/check.ts'
import { mermaid } from '../../../keepers/agent/fsm/graph.ts'
import {
  type FsmSpecification,
  parseSpecification,
  readSpecification,
} from '../../../keepers/agent/fsm/specification.ts'

describe('state machine check', () => {
  const good = readSpecification()
  let subjects: FsmSubjects

  before(async () => {
    subjects = await projectSubjects()
  })

  const problems = (
    change: (draft: { -readonly [K in keyof FsmSpecification]: FsmSpecification[K] }) => void,
    other: Partial<FsmSubjects> = {},
  ): string[] => {
    const draft = structuredClone(good)
    change(draft)
    return checkFsm(draft, { ...subjects, ...other })
  }

  it('finds that specification, contract and behaviours agree', () => {
    expect(checkFsm(good, subjects)).to.deep.equal([])
    expect(subjects.contractStates).to.have.length(11)
    expect(subjects.emittedEvents.size).to.be.at.least(6)
  })

  it('finds a state that cannot be reached', () => {
    expect(problems((draft) => draft.states.push('Limbo'))).to.include('state Limbo cannot be reached')
    const cut = problems((draft) => {
      draft.refinement.transitions = draft.refinement.transitions.filter(({ to }) => to !== 'Vote')
    })
    expect(cut).to.include('sub-state Vote cannot be reached')
  })

  it('finds events that are unknown, unused or never emitted', () => {
    expect(problems((draft) => draft.alphabet_in.push('NEVER'))).to.include('event NEVER is never used')
    const unknown = problems((draft) => {
      draft.transition_func['(TrainingState, LUNCH)'] = 'TrainingState'
    })
    expect(unknown).to.include('(TrainingState, LUNCH) uses an unknown event')
    const emittedEvents = new Set([...subjects.emittedEvents].filter((event) => event !== 'NO_MAJORITY'))
    expect(problems(() => undefined, { emittedEvents })).to.deep.equal([
      'event NO_MAJORITY is never emitted by the contract',
    ])
  })

  it('finds missing and superfluous behaviours', () => {
    const behaviours = [...subjects.behaviours.filter((name) => name !== 'Decrypt'), 'Dance']
    expect(problems(() => undefined, { behaviours })).to.deep.equal([
      'the keeper has no behaviour for Decrypt',
      'the keeper has a behaviour for Dance, which is not a state',
    ])
  })

  it('finds a refinement that does what is not published', () => {
    const found = problems((draft) =>
      draft.refinement.transitions.push({ from: 'Vote', event: 'None', to: 'Registration' }),
    )
    expect(found).to.deep.equal(['Vote → Registration leaves UpdateGlobalModelState without a published event'])
  })

  it('refuses a file of another form, naming the key', () => {
    expect(() => parseSpecification('states: 3')).to.throw(/alphabet_in|states/)
    expect(() => parseSpecification('a: [')).to.throw(/not valid YAML/)
  })

  it('draws every transition', () => {
    const graph = mermaid(good)
    for (const { from, to } of good.refinement.transitions) expect(graph).to.contain(`${from} --> ${to}`)
    expect(mermaid(good, { refined: false })).to.contain('TrainingState --> UpdateGlobalModelState : DONE_TRAINING')
  })
})
