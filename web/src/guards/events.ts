// SPDX-License-Identifier: GPL-3.0-or-later
// The log of the SpendingGuard as what each guarded account announced, what a model said about its spends, and what passed.
import { type Interface, ZeroAddress } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'
import { time } from '../ui/format.ts'
import type { Happening } from '../ui/happening.ts'

/** ISpendingGuardTypes.Basis: why a spend was let through. */
const BASES = ['within the limit', 'by a verdict', 'announced long enough ago'] as const

export type Announcement = {
  readonly spendHash: string
  /** Unix seconds. */
  readonly executableAt: number
  readonly expiresAt: number
  readonly transactionHash: string
  state: 'waits' | 'cancelled' | 'used'
}

/** A model's proven approval of one transaction. */
export type Verdict = {
  readonly spendHash: string
  readonly modelId: bigint
  readonly version: number
  /** Tag and features, in hexadecimal. */
  readonly features: string
  /** The proof's third public signal: label and margin, or the label alone. */
  readonly output: bigint
  /** Unix seconds. */
  readonly validUntil: number
  readonly block: number
  readonly transactionHash: string
  /** Why it serves no more, apart from its time; null while it does. */
  over: 'used' | 'the account spent since' | 'another verdict took its place' | null
}

export type GuardedAccount = {
  readonly account: string
  /** Assets with a limit, or that had one; the zero address is the chain's own coin, which always has one. */
  readonly assets: Set<string>
  readonly announcements: Announcement[]
  readonly verdicts: Verdict[]
  /** How many spends passed, by basis. */
  readonly passed: [number, number, number]
  readonly happened: Happening[]
}

/** Tells what the guard logged, by account, in the order of their first event. Logs of other kinds are left out. */
export function tellGuard(
  logs: readonly StoredLog[],
  abi: Interface = contractInterface('SpendingGuard'),
): readonly GuardedAccount[] {
  const accounts = new Map<string, GuardedAccount>()
  const accountOf = (account: string): GuardedAccount => {
    const known = accounts.get(account)
    if (known !== undefined) return known
    const made: GuardedAccount = {
      ...{ account, assets: new Set([ZeroAddress]), announcements: [], verdicts: [] },
      ...{ passed: [0, 0, 0], happened: [] },
    }
    accounts.set(account, made)
    return made
  }
  for (const log of logs) {
    const event = readLog(abi, log)
    if (event === null) continue
    const { name, args } = event
    const { block, transactionHash } = log
    const account = accountOf(args.account)
    const say = (text: string): void => void account.happened.push({ block, text, transactionHash })
    const waiting = account.announcements.findLast(
      ({ spendHash, state }) => spendHash === args.spendHash && state === 'waits',
    )
    switch (name) {
      case 'PolicyChanged':
        say(`policy set, in force from ${time(Number(args.effectiveAt))} UTC`)
        break
      case 'PolicyChangeCancelled':
        say('took the change of its policy back')
        break
      case 'LimitChanged':
        account.assets.add(args.asset)
        say(
          `${args.guarded ? `limit of ${args.limit} units` : 'no limit'} for ${assetName(args.asset)}, from ${time(Number(args.effectiveAt))} UTC`,
        )
        break
      case 'LimitChangeCancelled':
        say(`took the change of its limit for ${assetName(args.asset)} back`)
        break
      case 'SpendAnnounced':
        account.announcements.push({
          ...{ spendHash: args.spendHash, executableAt: Number(args.executableAt), state: 'waits' },
          ...{ expiresAt: Number(args.expiresAt), transactionHash },
        })
        say(`announced ${args.spendHash}`)
        break
      case 'AnnouncementCancelled':
        if (waiting !== undefined) waiting.state = 'cancelled'
        say(`took the announcement of ${args.spendHash} back`)
        break
      case 'VerdictAccepted': {
        const { spendHash, modelId, version, features, output, validUntil } = args
        for (const old of account.verdicts)
          if (old.spendHash === spendHash) old.over ??= 'another verdict took its place'
        account.verdicts.push({
          ...{ spendHash, modelId, version: Number(version), features, output, validUntil: Number(validUntil) },
          ...{ block, transactionHash, over: null },
        })
        say(`model ${modelId} approved of ${spendHash}`)
        break
      }
      case 'SpendPassed': {
        const basis = Number(args.basis)
        if (basis === 0 || basis === 1 || basis === 2) account.passed[basis]++
        // A verdict is about one state of the account's history, which this spend has changed.
        for (const verdict of account.verdicts) {
          const used = basis === 1 && verdict.spendHash === args.spendHash
          verdict.over ??= used ? 'used' : 'the account spent since'
        }
        if (basis === 2 && waiting !== undefined) waiting.state = 'used'
        say(`${args.amount} units of ${assetName(args.asset)} to ${args.recipient}, ${BASES[basis] ?? 'passed'}`)
        break
      }
    }
  }
  return [...accounts.values()]
}

/** How a person calls an asset of the guard. */
export function assetName(asset: string): string {
  return asset === ZeroAddress ? "the chain's coin" : asset
}
