// SPDX-License-Identifier: GPL-3.0-or-later
// The log of the ProverMarket as what became of each job and of each prover.
import { dataLength, type Interface } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { LoggedAnswer } from '../../../keepers/serving/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'
import { ether } from '../ui/format.ts'
import type { Happening } from '../ui/happening.ts'

/** IProverMarketTypes.SlashReason */
const SLASH_REASONS = ['did not answer in time', 'gave a proof that does not hold'] as const

export type ToldJob = {
  readonly transactionHash: string
  /** Bytes of the witness in the log; null for a job whose provers were chosen. */
  readonly witnessBytes: number | null
  /** Chosen provers. */
  readonly invited: string[]
  readonly happened: Happening[]
  readonly submitted: LoggedAnswer[]
  /** Wei at which each slot was claimed last, by `segment:copy`. */
  readonly prices: Map<string, bigint>
}

export type ToldProver = {
  readonly prover: string
  claimed: number
  answered: number
  /** Slots that were paid, and for how much, in wei. */
  paid: number
  earned: bigint
  /** Wei that were taken from its bond. */
  lost: bigint
}

export type MarketTale = {
  readonly jobs: ReadonlyMap<bigint, ToldJob>
  /** Whoever put up bond or claimed, in the order of their first event. */
  readonly provers: readonly ToldProver[]
}

/** Tells what happened at the market. Logs of other kinds are left out. */
export function tellMarket(logs: readonly StoredLog[], abi: Interface = contractInterface('ProverMarket')): MarketTale {
  const jobs = new Map<bigint, ToldJob>()
  const provers = new Map<string, ToldProver>()
  const proverOf = (address: string): ToldProver => {
    const known = provers.get(address)
    if (known !== undefined) return known
    const made = { prover: address, claimed: 0, answered: 0, paid: 0, earned: 0n, lost: 0n }
    provers.set(address, made)
    return made
  }
  for (const log of logs) {
    const event = readLog(abi, log)
    if (event === null) continue
    const { name, args } = event
    if (name === 'Bonded') {
      proverOf(args.prover)
      continue
    }
    const { block, transactionHash } = log
    if (name === 'JobPosted') {
      jobs.set(args.jobId, {
        ...{ transactionHash, witnessBytes: dataLength(args.witness), invited: [], submitted: [], prices: new Map() },
        happened: [{ block, transactionHash, text: 'posted' }],
      })
      continue
    }
    const job = jobs.get(args.jobId)
    if (job === undefined) continue
    const say = (text: string): void => void job.happened.push({ block, transactionHash, text })
    const slot = `segment ${args.segment}, copy ${args.copy}`
    switch (name) {
      case 'ProverInvited':
        job.invited.push(args.prover)
        say(`offered to ${args.prover} alone`)
        break
      case 'SegmentClaimed':
        proverOf(args.prover).claimed++
        job.prices.set(`${args.segment}:${args.copy}`, args.price)
        say(`${slot}: claimed by ${args.prover} for ${ether(args.price)}`)
        break
      case 'SegmentSubmitted': {
        const { segment, copy, output, proof } = args
        proverOf(args.prover).answered++
        job.submitted.push({ segment, copy, output, proof })
        say(`${slot}: answered by ${args.prover}, with a proof`)
        break
      }
      case 'SegmentAccepted':
        say(`segment ${args.segment}: the proofs of all copies hold`)
        break
      case 'ProverPaid': {
        const prover = proverOf(args.prover)
        prover.paid++
        prover.earned += args.amount
        say(`${slot}: ${args.prover} is owed ${ether(args.amount)}`)
        break
      }
      case 'ProverSlashed':
        proverOf(args.prover).lost += args.amount
        say(
          `${slot}: ${args.prover} ${SLASH_REASONS[Number(args.reason)] ?? 'failed'} and lost ${ether(args.amount)}, ${ether(args.toPoster)} of it to the poster`,
        )
        break
      case 'AccuserPaid':
        say(`${slot}: ${args.accuser} showed that the proof is false, and is owed ${ether(args.amount)}`)
        break
      case 'JobCompleted':
        say(`completed: output ${args.output}`)
        break
      case 'JobDisputed':
        say(`two valid proofs give ${args.output} and ${args.otherOutput}: circuit or set-up cannot be trusted`)
        break
      case 'JobEnded':
        say(`ended; ${ether(args.refunded)} went back to the poster`)
        break
    }
  }
  return { jobs, provers: [...provers.values()] }
}
