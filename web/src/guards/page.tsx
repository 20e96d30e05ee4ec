// SPDX-License-Identifier: GPL-3.0-or-later
// Accounts that let a proven model look at what they spend.
import { getAddress, isAddress } from 'ethers'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import type { PageOf, PageTerms } from '../chain/count.ts'
import { Explain } from '../ui/explain.tsx'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Listing } from '../ui/listing.tsx'
import { AccountPage } from './account.tsx'
import { guardTale } from './accounts.ts'
import type { GuardedAccount } from './events.ts'
import { SigningPage } from './sign.tsx'

/** Accounts that are shown at once. */
const PAGE = 25

export function GuardsPage({
  connection,
  chosen,
  signing,
}: {
  readonly connection: Connection
  readonly chosen: string | null
  /** A transaction of the chosen Safe that its owners sign; null for the account itself. */
  readonly signing: readonly string[] | null
}) {
  if (chosen === null) return <Accounts connection={connection} />
  if (!isAddress(chosen)) return <p>'{inert(chosen, 80)}' is no address of an account.</p>
  if (signing !== null) return <SigningPage connection={connection} account={getAddress(chosen)} parts={signing} />
  return <AccountPage connection={connection} account={getAddress(chosen)} />
}

/** Accounts, the last to come first. */
async function listAccounts(connection: Connection, { count, skip }: PageTerms): Promise<PageOf<GuardedAccount>> {
  const accounts = await guardTale(connection)
  return { count: accounts.length, rows: accounts.toReversed().slice(skip, skip + count) }
}

function Accounts({ connection }: { readonly connection: Connection }) {
  const { timestamp } = connection.head.value
  return (
    <>
      <h1>Guards</h1>
      <p>
        A guarded account can freely spend small amounts. Larger ones need a proof that its model approves of the
        transaction, or an announcement some time before.
      </p>
      <Listing
        {...{ connection, label: 'Guarded accounts', what: 'the guarded accounts', page: PAGE }}
        none="No account uses the guard of this deployment: a Safe sets it as its transaction guard."
        read={(page) => listAccounts(connection, page)}
        keyOf={({ account }) => account}
        columns={[
          [
            'Account',
            ({ account }) => (
              <a href={link('guards', account)}>
                <Hex value={account} />
              </a>
            ),
          ],
          [
            'Verdicts that serve now',
            ({ verdicts }) =>
              verdicts.filter(({ over, validUntil }) => over === null && validUntil >= timestamp).length,
          ],
          [
            'Announced, not yet executed',
            ({ announcements }) =>
              announcements.filter(({ state, expiresAt }) => state === 'waits' && expiresAt >= timestamp).length,
          ],
          ['Passed within limits', ({ passed }) => passed[0]],
          ['by verdicts', ({ passed }) => passed[1]],
          ['by announcements', ({ passed }) => passed[2]],
        ]}
      />
      <Explain>
        <p>
          A verdict is a proof that the account's model, on eight features that the guard itself computed from the
          transaction and the account's history, gives the label that the account's policy asks for. It is valid once,
          for a short time, for one account, one transaction and one state of its history. Nobody has to trust its
          sender: the account's owners and everybody else can check it on the chain.
        </p>
        <p>
          Nothing about the transaction is hidden: the features, the answer and the limits are public. Nothing proves
          that the model recognises thefts. The guard does not see what contracts do with old allowances, and it never
          stops the owners from recovering the account.
        </p>
      </Explain>
    </>
  )
}
