// SPDX-License-Identifier: GPL-3.0-or-later
// The visitor's hand in a guarded account: as the account itself, as the owner of a Safe that needs no other's signature, or as one of the
// owners who have to sign.
import type { Interface } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { send } from '../ui/send.ts'
import type { AccountState } from './accounts.ts'
import { approveSafe, executeSafe, type SafeCall, safeHash } from './safe.ts'

export type Hand = {
  /** Whether transactions go through the guard, as those of a Safe do. */
  readonly checked: boolean
  /** Others who have to sign before anything happens; their page opens after the visitor's signature. */
  readonly others: number
  /** Calls the guard in the account's name. @returns what to tell the visitor */
  call(what: string, encode: (guard: Interface) => string): Promise<string>
  /** Sends coins in the account's name. @param value wei */
  pay(to: string, value: bigint): Promise<string>
}

/** Null for a visitor who may not act for the account. */
export function handOf(connection: Connection, { told, safe }: AccountState, visitor: string | null): Hand | null {
  const { contracts, chainId } = connection.site.deployment
  const { SpendingGuard: address } = contracts
  const guard = contractInterface('SpendingGuard')
  const { account } = told
  const isOwner = safe === null ? visitor === account : safe.owners.includes(visitor ?? '')
  if (visitor === null || !isOwner) return null
  const others = safe === null ? 0 : safe.threshold - 1
  const act = async (what: string, call: SafeCall): Promise<string> => {
    if (safe !== null && others > 0) {
      const hash = safeHash(chainId, account, call, safe.nonce)
      const said = await send(connection, `signed by you, not yet ${what}`, [], (signer) =>
        approveSafe(account, signer, hash),
      )
      location.hash = signingLink(account, call, safe.nonce)
      return said
    }
    return await send(connection, what, [guard], async (signer) =>
      safe === null ? ((await signer.sendTransaction(call)) as never) : await executeSafe(account, signer, call),
    )
  }
  return {
    ...{ checked: safe?.guarded === true, others },
    call: async (what, encode) => await act(what, { to: address, value: 0n, data: encode(guard) }),
    pay: async (to, value) => await act(`paid ${to}`, { to, value, data: '0x' }),
  }
}

/** The page on which the owners of a Safe sign one of its transactions: all of it is in the address, which they pass on. */
export function signingLink(account: string, { to, value, data }: SafeCall, nonce: bigint): string {
  return link('guards', account, 'sign', ...[String(nonce), to, String(value), data])
}
