// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { pino } from 'pino'
import type { AgentContext } from '../../../keepers/agent/context.ts'
import { Facts } from '../../../keepers/agent/facts.ts'
import { KeeperMetrics } from '../../../keepers/agent/metrics.ts'
import { noteFact } from '../../../keepers/agent/operator-notes.ts'
import { STATES, type StateName } from '../../../keepers/agent/states.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { LogRow, LogStore } from '../../../keepers/store/index.ts'

const abi = contractInterface('ILearningService')
const SEAT = 2
const ADDRESS = `0x${'11'.repeat(20)}`
const ZERO = `0x${'00'.repeat(32)}`

/** What the notes count as missed after these events, for a member in that seat. */
async function missed(
  events: readonly (readonly [name: string, args: readonly unknown[]])[],
  place: { seat?: number | null; isMember?: boolean; leftOut?: bigint } = {},
  terms: { readonly buffer: number; readonly maxStaleness: number } = { buffer: 0, maxStaleness: 0 },
): Promise<Record<string, number>> {
  const facts = new Facts(abi, { all: () => [] } as unknown as LogStore)
  const metrics = new KeeperMetrics({ process: false })
  const remembered = { parameters: { block: 0, parameters: terms } }
  const context = { facts, metrics, log: pino({ level: 'silent' }), remembered } as unknown as AgentContext
  const rows = events.map(([name, args], index): LogRow => {
    const { topics, data } = abi.encodeEventLog(name, args as unknown[])
    const at = { block: index, logIndex: 0, blockHash: `0x${index}`, transactionHash: `0xt${index}` }
    return { ...at, address: '0x5e', topics, data }
  })
  // All of a look's events are known before the first of them is noted.
  for (const fact of facts.add(rows)) noteFact(context, { seat: SEAT, isMember: true, leftOut: 0n, ...place }, fact)
  const { values } = await metrics.stepsMissed.get()
  return Object.fromEntries(values.map(({ labels, value }) => [labels.step, value]))
}

const transition = (from: StateName, to: StateName, round: number) =>
  ['Transitioned', [STATES.indexOf(from), STATES.indexOf(to), 0, 1, round, 0]] as const
const revealed = (round: number, seat: number) =>
  [
    'UpdateRevealed',
    abi.getEvent('UpdateRevealed')!.inputs.map(({ name, type }) => argument(name, type, round, seat)),
  ] as const
const checked = (round: number, seat: number) => ['CheckSubmitted', [round, seat, '0x']] as const

function argument(name: string, type: string, round: number, seat: number): unknown {
  if (name === 'round') return round
  if (name === 'seat') return seat
  if (type === 'bytes') return '0x'
  return type.startsWith('bytes') ? `0x${'00'.repeat(Number(type.slice(5)))}` : 0
}

describe('notes for the operator', () => {
  const reveals = [transition('Training', 'Reveal', 7), transition('Reveal', 'Aggregate', 7)]

  it('count a reveal that this member did not make by the end of its window', async () => {
    const [opens, closes] = reveals as [(typeof reveals)[0], (typeof reveals)[0]]
    expect(await missed([opens, closes])).to.deep.equal({ reveal: 1, check: 0 })
    expect(await missed([opens, revealed(7, SEAT), closes])).to.deep.equal({ reveal: 0, check: 0 })
    // Neither another's reveal nor that of another round is its own.
    expect(await missed([opens, revealed(7, 3), revealed(6, SEAT), closes])).to.deep.equal({ reveal: 1, check: 0 })
    // The transition to the next round's training names that round.
    const lost = transition('Reveal', 'Training', 8)
    expect(await missed([opens, revealed(7, SEAT), lost])).to.deep.equal({ reveal: 0, check: 0 })
    expect(await missed([opens, lost])).to.deep.equal({ reveal: 1, check: 0 })
  })

  it('count a number that this member did not post in a dispute', async () => {
    const check = [transition('Aggregate', 'Check', 7), transition('Check', 'Training', 8)] as const
    expect(await missed(check)).to.deep.equal({ reveal: 0, check: 1 })
    expect(await missed([check[0], checked(7, SEAT), check[1]])).to.deep.equal({ reveal: 0, check: 0 })
  })

  it('count nothing against one that is no member, sits the round out, or was not there when the state began', async () => {
    for (const place of [{ isMember: false }, { seat: null }, { leftOut: 1n << BigInt(SEAT) }]) {
      expect(await missed(reveals, place)).to.deep.equal({ reveal: 0, check: 0 })
    }
    expect(await missed(reveals.slice(1))).to.deep.equal({ reveal: 0, check: 0 })
  })

  it('count no round that a service with a buffer lets a member miss, but those beyond, and a commitment without a reveal', async () => {
    const terms = { buffer: 3, maxStaleness: 2 }
    const joined = ['Joined', [SEAT, ADDRESS, ADDRESS]] as const
    const opened = (seats: readonly number[]) =>
      ['EpochOpened', [1, ZERO, seats.reduce((sum, seat) => sum | (1n << BigInt(seat)), 0n), 3, 3]] as const
    const round = (number: number, ...acts: readonly (readonly [string, readonly unknown[]])[]) => [
      transition('Training', 'Reveal', number),
      ...acts,
      transition('Reveal', 'Aggregate', number),
    ]
    const reveals = async (...events: readonly (readonly [string, readonly unknown[]])[]) =>
      (await missed(events, {}, terms)).reveal
    expect(await reveals(...round(5, revealed(5, SEAT)), ...round(6), ...round(7))).to.equal(0)
    expect(await reveals(...round(5, revealed(5, SEAT)), ...round(6), ...round(7), ...round(8))).to.equal(1)
    // A newcomer begins with the epoch that has it as a member.
    const newcomer = [joined, opened([1, 3]), ...round(5), ...round(6), opened([1, SEAT, 3])]
    expect(await reveals(...newcomer, ...round(7), ...round(8))).to.equal(0)
    expect(await reveals(...newcomer, ...round(7), ...round(8), ...round(9))).to.equal(1)
    expect(await reveals(opened([SEAT]), ...round(5), ...round(6), ...round(7))).to.equal(1)
    const committed = ['UpdateCommitted', [6, SEAT, ZERO]] as const
    expect(await reveals(...round(5, revealed(5, SEAT)), committed, ...round(6))).to.equal(1)
  })
})
