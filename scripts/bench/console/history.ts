// SPDX-License-Identifier: GPL-3.0-or-later
// The log of a service that ran for many rounds, as its contract would have written it, with the blocks that it is in.
import { encodeBytes32String, id } from 'ethers'
import { STATES } from '../../../keepers/agent/states.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'

export type MadeLog = {
  readonly block: number
  readonly index: number
  readonly transactionHash: string
  readonly topics: readonly string[]
  readonly data: string
}

const MEMBERS = 7
/** Rounds of an epoch. */
const EPOCH = 50
/** Blocks of a round: one for each step of its members, and some without. */
export const ROUND_BLOCKS = 20
const SEAL = `0x${'11'.repeat(26)}`
const CID = `0x${'01'.repeat(36)}`

/** The hash of a block; another chain has others. */
export function blockHash(number: number, chain = ''): string {
  return id(`block ${number} of ${chain}`)
}

export function ownerOf(seat: number): string {
  return `0x${(seat + 1).toString(16).padStart(40, '5')}`
}

/** @param rounds how many, from 1 @param from block of the first of them; the log ends with a round that runs */
export function madeHistory(rounds: number, from = 10): MadeLog[] {
  const abi = contractInterface('ILearningService')
  const logs: MadeLog[] = []
  let block = from
  let index = 0
  const say = (name: string, ...args: unknown[]): void => {
    const transactionHash = id(`transaction ${block}/${index}`)
    logs.push({ block, index: index++, transactionHash, ...abi.encodeEventLog(name, args) })
  }
  const next = (): void => {
    block++
    index = 0
  }
  const to = (state: (typeof STATES)[number], round: number): void => {
    say('Transitioned', 0, STATES.indexOf(state), 0, Math.ceil(round / EPOCH), round, 0)
  }
  for (let seat = 0; seat < MEMBERS; seat++) say('Joined', seat, ownerOf(seat), ownerOf(seat))
  next()
  for (let round = 1; round <= rounds + 1; round++) {
    const start = block
    const last = round > rounds
    if (round % EPOCH === 1)
      say('EpochOpened', Math.ceil(round / EPOCH), id('seed'), (1n << BigInt(MEMBERS)) - 1n, 5, 4)
    to('Training', round)
    for (let seat = 0; seat < MEMBERS; seat++) say('UpdateCommitted', round, seat, id(`${round}/${seat}`))
    next()
    to('Reveal', round)
    for (let seat = 0; seat < MEMBERS - (round % 3); seat++)
      say('UpdateRevealed', round, seat, CID, 90_000, 1_000 + seat)
    next()
    if (last) break
    for (let seat = 0; seat < MEMBERS; seat++) say('AggregateAttested', round, seat, SEAL)
    next()
    for (let seat = 0; seat < 4; seat++) say('ShareSubmitted', round, seat, CID, 40_000)
    next()
    for (let seat = 0; seat < MEMBERS - (round % 2); seat++)
      say('ModelVoted', round, seat, id(`model ${round}`), CID, 0)
    if (round % 40 === 0) say('UpdateIncomplete', round)
    else say('UpdateCompleted', round, id(`model ${round}`), CID, round - Math.floor(round / 40))
    if (round % 25 === 0)
      say('Penalised', Math.ceil(round / EPOCH), 1, ownerOf(1), encodeBytes32String('MISSED_SHARE'), 10n ** 18n)
    block = start + ROUND_BLOCKS
    index = 0
  }
  return logs
}
