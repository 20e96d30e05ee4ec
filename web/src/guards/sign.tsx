// SPDX-License-Identifier: GPL-3.0-or-later
// One transaction of a Safe that several owners must sign: what it does, who has signed, who still has to.

import { contractInterface } from '../../../keepers/chain/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account as connected } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { Hex } from '../ui/inert.tsx'
import { inertEnds } from '../ui/inert-text.ts'
import { send } from '../ui/send.ts'
import { approveSafe, executeSafe } from './safe.ts'
import { inWords, isUnread, parseSigning, readSigning, type Signing, standingOf } from './signing.ts'

/** Characters of a decoded call, and of its calldata, that are shown: of a longer one both ends. */
const MOST_WORDS = 1_000

export function SigningPage({
  connection,
  account,
  parts,
}: {
  readonly connection: Connection
  readonly account: string
  /** Of the address, after `sign`. */
  readonly parts: readonly string[]
}) {
  const { block } = connection.head.value
  const read = useLoaded(
    async () => await readSigning(connection, account, parseSigning(parts)),
    [account, ...parts],
    block,
  )
  return (
    <>
      <h1>
        Transaction of the Safe <Hex value={account} />
      </h1>
      <Show loaded={read} what="who has signed">
        {(signing) => <Owners {...{ connection, account, signing }} />}
      </Show>
      <p>
        <a href={link('guards', account)}>The account</a>
      </p>
      <Explain>
        <p>
          The whole transaction is in this page's address. Its hash is computed here, and an approval on the chain is
          for that hash alone: another recipient or amount has another hash, which nobody has approved. Approvals, and
          what they are for once it is executed, are public.
        </p>
      </Explain>
    </>
  )
}

function Owners({
  connection,
  account,
  signing,
}: {
  readonly connection: Connection
  readonly account: string
  readonly signing: Signing
}) {
  const { call, nonce, safe, hash, approvers } = signing
  const guard = connection.site.deployment.contracts.SpendingGuard
  const visitor = connected.value?.address ?? ''
  const standing = standingOf(signing)
  const missing = Math.max(0, safe.threshold - approvers.length)
  const isOwner = safe.owners.includes(visitor)
  const abis = [contractInterface('SpendingGuard')]
  // Whoever sends it need not have approved it before.
  const words = inWords(call, guard, account)
  const others = approvers.filter((owner) => owner !== visitor).slice(0, safe.threshold - 1)
  return (
    <>
      <p>
        It <strong>{inertEnds(words, MOST_WORDS)}</strong>.
      </p>
      {isUnread(words) && (
        <p class="notice">
          This page cannot read all of what you would sign. Sign only what you can read elsewhere, byte by byte: such a
          call may hand over everything that the Safe holds.
        </p>
      )}
      <dl class="facts">
        <Fact name="Hash that the owners sign">
          <Hex value={hash} />
        </Fact>
        {call.data !== '0x' && (
          <Fact name="Calldata">
            <code>{inertEnds(call.data, MOST_WORDS)}</code>
          </Fact>
        )}
        <Fact name="Number of the transaction">{String(nonce)}</Fact>
        <Fact name="State">
          {standing === 'over'
            ? 'over: the Safe has executed a transaction of this number'
            : standing === 'later'
              ? `waits for ${nonce - safe.nonce} others before it`
              : standing === 'ready'
                ? 'can be executed'
                : `${missing} of ${safe.threshold} signatures are missing`}
        </Fact>
        {safe.owners.map((owner) => (
          <Fact key={owner} name={approvers.includes(owner) ? 'Has signed' : 'Has not signed'}>
            <Hex value={owner} />
            {owner === visitor && ', you'}
          </Fact>
        ))}
      </dl>
      {standing !== 'over' && (
        <p>
          {isOwner && !approvers.includes(visitor) && (
            <Action
              run={async () => await send(connection, 'signed', [], (owner) => approveSafe(account, owner, hash))}
            >
              Sign it
            </Action>
          )}{' '}
          {isOwner && standing !== 'later' && others.length === safe.threshold - 1 && (
            <Action
              run={async () =>
                await send(connection, 'executed', abis, (owner) => executeSafe(account, owner, call, others))
              }
            >
              Execute it
            </Action>
          )}{' '}
          {!isOwner && 'Connect the wallet of an owner to sign. '}
          {standing === 'open' && "Send the other owners this page's address: it has everything they sign."}
        </p>
      )}
    </>
  )
}
