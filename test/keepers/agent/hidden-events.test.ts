// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { hiddenEvents } from '../../../keepers/agent/hidden-events.ts'
import type { Snapshot } from '../../../keepers/agent/snapshot.ts'

const EMPTY = { committed: 0n, revealed: 0n, drafted: 0n, shared: 0n }

describe('events that the state knows of and no log tells', () => {
  const find = (over: object, told: Readonly<Record<string, readonly number[]>> = {}) => {
    const snapshot = {
      state: 'Aggregate',
      epoch: 2,
      round: 7,
      epochInfo: { epoch: 2 },
      roundInfo: EMPTY,
      keyInfo: EMPTY,
    }
    const asked: object[] = []
    const all = (name: string, of: object) => {
      asked.push(of)
      return (told[name] ?? []).map((seat) => ({ name, args: { seat } }))
    }
    return hiddenEvents({ ...snapshot, ...over } as unknown as Snapshot, { all } as never)
  }

  it('are named with their seats, for each step of a round', () => {
    expect(find({ roundInfo: { ...EMPTY, committed: 0b101n } }, { UpdateCommitted: [0, 2] })).to.equal(null)
    for (const [field, name] of [
      ['committed', 'UpdateCommitted'],
      ['revealed', 'UpdateRevealed'],
      ['shared', 'ShareSubmitted'],
    ] as const) {
      const roundInfo = { ...EMPTY, [field]: 0b1011n }
      expect(find({ roundInfo }, { [name]: [1] }), field).to.deep.equal({ name, seats: [0, 3] })
    }
    const drafted = { ...EMPTY, drafted: 0b11n }
    expect(find({ roundInfo: drafted })).to.deep.equal({ name: 'MembersDrafted', seats: [0, 1] })
    expect(find({ roundInfo: drafted }, { MembersDrafted: [0] })).to.equal(null)
  })

  it('are those of the key where a key is made, and none while registration is open or the state is due', () => {
    const keyInfo = { ...EMPTY, revealed: 0b10n }
    expect(find({ state: 'KeyConfirm', keyInfo })).to.deep.equal({ name: 'KeyRevealed', seats: [1] })
    expect(find({ state: 'KeyConfirm', keyInfo }, { KeyRevealed: [1] })).to.equal(null)
    expect(find({ keyInfo })).to.equal(null)
    expect(find({ state: 'Registration', roundInfo: { ...EMPTY, revealed: 1n } })).to.equal(null)
    expect(find({ epoch: 3, roundInfo: { ...EMPTY, revealed: 1n } })).to.equal(null)
  })

  it('are none when the logs tell more than the state', () => {
    expect(find({}, { UpdateRevealed: [0, 1, 2], UpdateCommitted: [5] })).to.equal(null)
  })
})
