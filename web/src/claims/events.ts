// SPDX-License-Identifier: GPL-3.0-or-later
// The log of a claim registry as what became of each claim.
import type { Interface } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'
import { ether } from '../ui/format.ts'
import type { Happening } from '../ui/happening.ts'

export type ToldChallenge = {
  readonly challengeId: bigint
  readonly challenger: string
  /** Batch of the pool, from 0; null before it is drawn. */
  drawn: number | null
  state: 'open' | 'given back' | 'lost'
}

/** A refutation that held: by which transaction, on which batch. */
export type ToldFall = { readonly challenger: string; readonly batch: bigint; readonly transactionHash: string }

export type ToldClaim = {
  readonly claimId: bigint
  readonly block: number
  /** Has the proof in its calldata. */
  readonly transactionHash: string
  readonly happened: Happening[]
  readonly challenges: ToldChallenge[]
  fell: ToldFall | null
}

/** Tells what happened, by claim. Logs of other kinds are left out. */
export function tellClaims(
  logs: readonly StoredLog[],
  abi: Interface = contractInterface('ClaimRegistry'),
): ReadonlyMap<bigint, ToldClaim> {
  const claims = new Map<bigint, ToldClaim>()
  const challenged = new Map<bigint, ToldClaim>()
  for (const log of logs) {
    const event = readLog(abi, log)
    if (event === null) continue
    const { name, args } = event
    const { block, transactionHash } = log
    if (name === 'ClaimPublished') {
      const text = `published: proven ${args.figure}, guaranteed ${args.guarantee}`
      claims.set(args.claimId, {
        ...{ claimId: args.claimId, block, transactionHash, challenges: [], fell: null },
        happened: [{ block, transactionHash, text }],
      })
      continue
    }
    if (name === 'ChallengeDrawn' || name === 'ChallengeSettled') {
      const claim = challenged.get(args.challengeId)
      const challenge = claim?.challenges.find(({ challengeId }) => challengeId === args.challengeId)
      if (claim === undefined || challenge === undefined) continue
      if (name === 'ChallengeDrawn') {
        challenge.drawn = Number(args.index)
        const text = `challenge ${args.challengeId}: batch ${args.index} of the pool is drawn`
        claim.happened.push({ block, transactionHash, text })
      } else {
        challenge.state = args.refunded ? 'given back' : 'lost'
        const text = `challenge ${args.challengeId} ended; its bond ${args.refunded ? 'went back to the challenger' : 'is lost'}`
        claim.happened.push({ block, transactionHash, text })
      }
      continue
    }
    const claim = claims.get(args.claimId)
    if (claim === undefined) continue
    const say = (text: string): void => void claim.happened.push({ block, transactionHash, text })
    switch (name) {
      case 'BadgeTaken':
        say('became the badge of its version, statement and source')
        break
      case 'ChallengeOpened':
        challenged.set(args.challengeId, claim)
        claim.challenges.push({
          ...{ challengeId: args.challengeId, challenger: args.challenger, drawn: null, state: 'open' },
        })
        say(`challenge ${args.challengeId} opened by ${args.challenger}`)
        break
      case 'ClaimFell':
        claim.fell = { challenger: args.challenger, batch: args.batch, transactionHash }
        say(`refuted by ${args.challenger}, who is owed ${ether(args.paid)}`)
        break
      case 'GuaranteeFell':
        say(
          `a guarantee of ${args.guarantee} no longer counts under its ${args.source === 2n ? 'auditor' : 'pool, by this claimant'}`,
        )
        break
      case 'BondReleased':
        say(`the claimant has its bond of ${ether(args.bond)} back`)
        break
    }
  }
  return claims
}
