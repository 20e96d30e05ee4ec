// SPDX-License-Identifier: GPL-3.0-or-later
// The published state machine and the contract, walked together.

import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { ContractTransactionResponse } from 'ethers'
import { id } from 'ethers'
import { parse } from 'yaml'
import { createWorld, STATES, TRIGGERS, type World } from './fixture.ts'
import {
  attest,
  commitKey,
  commitUpdate,
  confirmKey,
  draft,
  drafted,
  generateKey,
  joinAll,
  passDeadline,
  reachAggregate,
  reachDecrypt,
  reachReveal,
  reachTraining,
  reachVote,
  revealKey,
  revealUpdate,
  stateOf,
  submitShare,
  vote,
} from './play.ts'

type Specification = {
  alphabet_in: string[]
  default_start_state: string
  final_states: string[]
  label: string
  start_states: string[]
  states: string[]
  transition_func: Record<string, string>
  refinement: {
    start_state: string
    sub_states: Record<string, string[]>
    transitions: { from: string; event: string; to: string }[]
  }
}

const specification: Specification = parse(
  readFileSync(new URL('../../../keepers/agent/fsm_specification.yaml', import.meta.url), 'utf8'),
)
const { refinement } = specification

const parentOf = (state: string): string => {
  const found = Object.entries(refinement.sub_states).find(([, states]) => states.includes(state))
  if (!found) throw new Error(`${state} refines no published state`)
  return found[0]
}

/** Every transition that the contract has recorded, in order. */
async function transitionsOf(world: World): Promise<{ from: string; event: string; to: string }[]> {
  const events = await world.service.queryFilter(world.service.filters.Transitioned())
  return events.map(({ args }) => ({
    from: STATES[Number(args.from)]!,
    event: TRIGGERS[Number(args.trigger)]!,
    to: STATES[Number(args.to)]!,
  }))
}

/** Scenarios that together take every transition; each drives a fresh service. */
const SCENARIOS: Record<string, (world: World) => Promise<unknown>> = {
  'too few join': async (world) => {
    await joinAll(world, world.players.slice(0, 2))
    await passDeadline(world)
    await world.service.poke()
  },
  'one is silent at each step of key generation': async (world) => {
    await joinAll(world)
    const steps = [commitKey, revealKey, confirmKey]
    for (let silent = 0; silent < 3; silent++) {
      const members = world.players.slice(0, 9 - silent)
      for (let step = 0; step <= silent; step++) {
        for (const player of step === silent ? members.slice(0, -1) : members) await steps[step]!(world, player)
      }
      await passDeadline(world)
      await world.service.poke()
    }
    await generateKey(world, world.players.slice(0, 6))
  },
  ...Object.fromEntries(
    [0, 1, 2].map((silent) => [
      `most are silent at step ${silent} of key generation`,
      async (world: World) => {
        await joinAll(world)
        const steps = [commitKey, revealKey, confirmKey]
        for (let step = 0; step < silent; step++) {
          for (const player of world.players) await steps[step]!(world, player)
        }
        await steps[silent]!(world, world.players[0]!)
        await passDeadline(world)
        await world.service.poke()
      },
    ]),
  ),
  'a key is disputed, and a verdict found': async (world) => {
    await joinAll(world)
    await disputeKey(world)
    for (const { operator } of world.players) await world.service.connect(operator).judge(1, 1, 0)
    await generateKey(world, world.players.slice(1))
  },
  'a key is disputed, and no verdict found': async (world) => {
    await joinAll(world)
    await disputeKey(world)
    for (const { operator, seat } of world.players)
      await world.service.connect(operator).judge(1, 1n << BigInt(seat), 0)
  },
  'an update is disputed': async (world) => {
    await reachTraining(world)
    await reachAggregate(world)
    await world.service.connect(world.players[0]!.operator).dispute(1, 1)
    for (const { operator } of world.players) {
      await world.service.connect(operator).submitCheck(1, `0x${'00'.repeat(16 * world.players.length)}`)
    }
  },
  'two good rounds': async (world) => {
    await reachTraining(world)
    for (let round = 1; round <= 2; round++) {
      await reachVote(world)
      for (const player of world.players) await vote(world, player, { round })
    }
  },
  'training times out': async (world) => {
    await reachTraining(world)
    await commitUpdate(world, world.players[0]!)
    await passDeadline(world)
    await world.service.poke()
  },
  'reveals time out': async (world) => {
    await reachTraining(world)
    await reachReveal(world)
    await revealUpdate(world, world.players[0]!)
    await passDeadline(world)
    await world.service.poke()
  },
  'no aggregate finds a majority': async (world) => {
    await reachTraining(world)
    await reachAggregate(world)
    await attest(world, world.players[0]!)
    await attest(world, world.players[1]!, { hash: id('lie') })
    await passDeadline(world)
    await world.service.poke()
  },
  'a share is missing': async (world) => {
    await reachTraining(world)
    await submitShare(world, (await reachDecrypt(world))[0]!)
    await passDeadline(world)
    await world.service.poke()
  },
  'no model finds a majority': async (world) => {
    await reachTraining(world)
    await reachVote(world)
    await vote(world, world.players[0]!)
    await passDeadline(world)
    await world.service.poke()
  },
}

/** One member complains, the others confirm. */
async function disputeKey(world: World): Promise<void> {
  for (const player of world.players) await commitKey(world, player)
  for (const player of world.players) await revealKey(world, player)
  await world.service.connect(world.players[1]!.operator).complain(1, 0, '0x')
  for (const player of world.players.filter((_, index) => index !== 1)) await confirmKey(world, player)
}

describe('fsm_specification.yaml', () => {
  it('is the published transition function', () => {
    expect(specification.transition_func).to.deep.equal({
      '(RegistrationState, START_TRAINING)': 'TrainingState',
      '(TrainingState, DONE_TRAINING)': 'UpdateGlobalModelState',
      '(TrainingState, TRAINING_TIMEOUT)': 'RegistrationState',
      '(UpdateGlobalModelState, DONE_UPDATE)': 'TrainingState',
      '(UpdateGlobalModelState, UPDATE_TIMEOUT)': 'TrainingState',
      '(UpdateGlobalModelState, NO_MAJORITY)': 'TrainingState',
    })
    expect(specification.states).to.deep.equal(['RegistrationState', 'TrainingState', 'UpdateGlobalModelState'])
    expect(specification.start_states).to.deep.equal([specification.default_start_state])
    expect(specification.final_states).to.deep.equal([])
    const used = Object.keys(specification.transition_func).map((key) => /, (\w+)\)$/.exec(key)![1]!)
    expect([...new Set(used)].sort()).to.deep.equal(specification.alphabet_in)
    expect(specification.alphabet_in).to.deep.equal(TRIGGERS.slice(1).sort())
  })

  it('refines it: every finer transition is a published one, or stays inside a published state', () => {
    expect(Object.keys(refinement.sub_states)).to.deep.equal(specification.states)
    expect(Object.values(refinement.sub_states).flat()).to.deep.equal([...STATES])
    for (const { from, event, to } of refinement.transitions) {
      const lifted = event === 'None' ? parentOf(from) : specification.transition_func[`(${parentOf(from)}, ${event})`]
      expect(parentOf(to), `${from} ${event}`).to.equal(lifted)
    }
    const published = refinement.transitions.filter(({ event }) => event !== 'None')
    const covered = new Set(published.map(({ from, event }) => `(${parentOf(from)}, ${event})`))
    expect([...covered].sort()).to.deep.equal(Object.keys(specification.transition_func).sort())
  })
})

describe('the contract and fsm_specification.yaml', () => {
  const seen = new Set<string>()
  const key = (transition: { from: string; event: string; to: string }): string =>
    `${transition.from} ${transition.event} ${transition.to}`
  const listed = new Set(refinement.transitions.map(key))

  for (const [name, play] of Object.entries(SCENARIOS)) {
    it(`agree when ${name}`, async () => {
      const world = await createWorld({ players: 9, parameters: { maxStrikes: 3 } })
      await play(world)
      let state = refinement.start_state
      let published = specification.default_start_state
      for (const transition of await transitionsOf(world)) {
        expect(listed, 'transition of the contract').to.include(key(transition))
        expect(transition.from, 'gap between transitions').to.equal(state)
        state = transition.to
        if (transition.event !== 'None') {
          published = specification.transition_func[`(${published}, ${transition.event})`]!
        }
        expect(parentOf(state)).to.equal(published)
        seen.add(key(transition))
      }
      expect(await stateOf(world)).to.equal(state)
    })
  }

  it('together take every transition of the table', () => {
    expect([...seen].sort()).to.deep.equal([...listed].sort())
  })

  it('accept no step outside its state', async () => {
    // The steps that each state allows; everything else must be refused, naming the state found.
    const allowed: Record<string, string[]> = {
      Registration: [],
      KeyCommit: ['commitKey'],
      KeyReveal: ['revealKey'],
      KeyConfirm: ['confirmKey', 'complain'],
      KeyJudge: ['judge'],
      Training: ['commitUpdate'],
      Reveal: ['revealUpdate'],
      Aggregate: ['attest', 'draft', 'dispute'],
      Check: ['submitCheck'],
      Decrypt: ['submitShare'],
      Vote: ['vote'],
    }
    const world = await createWorld({ players: 3 })
    const { service, players } = world
    const by = service.connect(players[0]!.operator)
    const probe = async (): Promise<void> => {
      const { current, currentEpoch: epoch, currentRound: round } = await service.clock()
      const state = STATES[Number(current)]!
      seen.add(state)
      const hash = id('x')
      const calls: Record<string, () => Promise<ContractTransactionResponse>> = {
        commitKey: () => by.commitKey(epoch, hash, hash),
        revealKey: () => by.revealKey(epoch, '0x01', hash),
        confirmKey: () => by.confirmKey(epoch, hash),
        complain: () => by.complain(epoch, 1, '0x'),
        judge: () => by.judge(epoch, 0, 0),
        commitUpdate: () => by.commitUpdate(round, hash),
        revealUpdate: () => by.revealUpdate(round, '0x01', 1, 1, hash),
        attest: () => by.attest(round, hash.slice(0, 54)),
        draft: () => by.draft(round, hash, 7, 0),
        dispute: () => by.dispute(round, 1),
        submitCheck: () => by.submitCheck(round, `0x${'00'.repeat(48)}`),
        submitShare: () => by.submitShare(round, '0x01', 1),
        vote: () => by.vote(round, hash, '0x01'),
      }
      for (const [name, call] of Object.entries(calls)) {
        if (allowed[state]!.includes(name)) continue
        await expect(call(), `${name} in ${state}`).to.be.revertedWithCustomError(service, 'UnexpectedState')
      }
    }
    const seen = new Set<string>()
    await probe()
    await joinAll(world)
    await disputeKey(world)
    await probe()
    // Nobody is convicted: back to registration, and all over again.
    for (const { operator } of players) await service.connect(operator).judge(1, 0, 0)
    await passDeadline(world)
    await service.poke()
    for (const steps of [commitKey, revealKey, confirmKey, commitUpdate, revealUpdate]) {
      await probe()
      for (const player of players) await steps(world, player)
    }
    await probe()
    await by.dispute(1, 1)
    await probe()
    for (const { operator } of players) await service.connect(operator).submitCheck(1, `0x${'00'.repeat(48)}`)
    for (const player of players) await attest(world, player)
    await draft(world)
    await probe()
    for (const player of await drafted(world)) await submitShare(world, player)
    await probe()
    expect([...seen].sort()).to.deep.equal([...STATES].sort())
  })
})
