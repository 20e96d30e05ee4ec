// SPDX-License-Identifier: GPL-3.0-or-later
// A service as its log alone tells it, up to some block: for endpoints that keep no state of the past.
import type { Interface } from 'ethers'
import { STATES, type StateName } from '../../../keepers/agent/states.ts'
import { contractInterface, hasSeat } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'
import { countSeats } from './seats.ts'
import { type Seat, STEPS, type Standing } from './standing.ts'

/** Events of a member's steps in a round, and the step. */
const STEP_OF: Readonly<Record<string, (typeof STEPS)[number]>> = {
  UpdateCommitted: 'committed',
  UpdateRevealed: 'revealed',
  AggregateAttested: 'attesters',
  ShareSubmitted: 'shared',
}

type Kept = { keeper: string; operator: string; leaving: boolean }

/**
 * The standing after the logs up to `block`. Strikes, rewards, pool and manifest are in no event of the service, and null.
 * @param logs of the service, in the order of the chain
 */
export function replayStanding(
  logs: readonly StoredLog[],
  block: number,
  abi: Interface = contractInterface('ILearningService'),
): Standing {
  const seats = new Map<number, Kept>()
  let state: StateName = STATES[0]!
  let [epoch, round, end] = [0, 0, 0]
  let [members, quorum, threshold, leftOut, drafted] = [0n, 0, 0, 0n, 0n]
  let steps = new Map(STEPS.map((step) => [step, new Set<number>()]))
  for (const log of logs) {
    if (log.block > block) break
    const event = readLog(abi, log)
    if (event === null) continue
    const { name, args } = event
    const seat = Number(args.seat)
    const step = STEP_OF[name]
    if (step !== undefined) {
      if (Number(args.round) === round) steps.get(step)!.add(seat)
      continue
    }
    switch (name) {
      case 'Transitioned': {
        const next = Number(args.round)
        if (next !== round) {
          steps = new Map(STEPS.map((one) => [one, new Set<number>()]))
          drafted = 0n
        }
        ;[state, epoch, round, end] = [STATES[Number(args.to)]!, Number(args.epoch), next, Number(args.deadline)]
        break
      }
      case 'RegistrationReopened':
        end = Number(args.deadline)
        break
      case 'EpochOpened':
        ;[members, quorum, threshold] = [args.members, Number(args.quorum), Number(args.decryptionThreshold)]
        leftOut = 0n
        break
      case 'MembersDrafted':
        drafted = args.drafted
        break
      case 'MembersLeftOut':
        leftOut = args.leftOut
        break
      case 'Joined':
        seats.set(seat, { keeper: args.keeper, operator: args.operator, leaving: false })
        break
      case 'OperatorSynced':
        if (seats.has(seat)) seats.get(seat)!.operator = args.current
        break
      case 'LeaveRequested':
      case 'Staying':
        if (seats.has(seat)) seats.get(seat)!.leaving = name === 'LeaveRequested'
        break
      case 'Left':
        seats.delete(seat)
        break
    }
  }
  return {
    ...{
      state,
      epoch,
      round,
      end,
      memberCount: countSeats(members),
      quorum,
      threshold,
      manifest: null,
      reward: null,
      pool: null,
    },
    seats: [...seats]
      .sort(([a], [b]) => a - b)
      .map(([seat, kept]): Seat => {
        const taken = Object.fromEntries(STEPS.map((step) => [step, steps.get(step)!.has(seat)])) as Seat['steps']
        return {
          ...{ seat, ...kept, strikes: null, steps: taken, member: hasSeat(members, seat) },
          ...{ drafted: hasSeat(drafted, seat), leftOut: hasSeat(leftOut, seat) },
        }
      }),
  }
}
