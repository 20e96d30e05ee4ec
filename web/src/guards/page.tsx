// SPDX-License-Identifier: GPL-3.0-or-later
// Accounts that let a proven model look at what they spend.
import { getAddress, isAddress } from 'ethers'
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Pages } from '../ui/pages.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { AccountPage } from './account.tsx'
import { guardTale } from './accounts.ts'

/** Accounts that are shown at once. */
const PAGE = 25

export function GuardsPage({
  connection,
  chosen,
}: {
  readonly connection: Connection
  readonly chosen: string | null
}) {
  if (chosen === null) return <Accounts connection={connection} />
  if (!isAddress(chosen)) return <p>'{inert(chosen, 80)}' is no address of an account.</p>
  return <AccountPage connection={connection} account={getAddress(chosen)} />
}

function Accounts({ connection }: { readonly connection: Connection }) {
  const { block, timestamp } = connection.head.value
  const [skip, setSkip] = useState(0)
  const tale = useLoaded(() => guardTale(connection), [], block)
  return (
    <>
      <h1>Guards</h1>
      <p>
        A guarded account spends little freely. More needs a proof that its model approves of the transaction, or an
        announcement some time before.
      </p>
      <Show loaded={tale} what="the guarded accounts">
        {(accounts) =>
          accounts.length === 0 ? (
            <p>No account uses the guard of this deployment: a Safe sets it as its transaction guard.</p>
          ) : (
            <>
              <Scrollable label="Guarded accounts">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Account</th>
                      <th scope="col">Verdicts that serve now</th>
                      <th scope="col">Announced, not yet executed</th>
                      <th scope="col">Passed within limits</th>
                      <th scope="col">by verdicts</th>
                      <th scope="col">by announcements</th>
                    </tr>
                  </thead>
                  <tbody>
                    {accounts
                      .toReversed()
                      .slice(skip, skip + PAGE)
                      .map(({ account, verdicts, announcements, passed }) => (
                        <tr key={account}>
                          <td>
                            <a href={link('guards', account)}>
                              <Hex value={account} />
                            </a>
                          </td>
                          <td>
                            {verdicts.filter(({ over, validUntil }) => over === null && validUntil >= timestamp).length}
                          </td>
                          <td>
                            {
                              announcements.filter(
                                ({ state, expiresAt }) => state === 'waits' && expiresAt >= timestamp,
                              ).length
                            }
                          </td>
                          {passed.map((count, i) => (
                            <td key={`${i}`}>{count}</td>
                          ))}
                        </tr>
                      ))}
                  </tbody>
                </table>
              </Scrollable>
              <Pages count={accounts.length} page={PAGE} skip={skip} onSkip={setSkip} />
            </>
          )
        }
      </Show>
      <Explain>
        <p>
          A verdict is a proof that the account's model, on eight features that the guard itself computed from the
          transaction and the account's history, gives the label that the account's policy asks for. It is for one
          account, one transaction and one state of its history, for a short time, once. Whoever brings it need not be
          trusted; the account's owners and everybody else can check it on the chain.
        </p>
        <p>
          Nothing about the transaction is hidden: the features, the answer and the limits are public. That the model
          knows a theft when it sees one is not proven. The guard does not see what contracts do with old allowances,
          and it never stops the owners from recovering the account.
        </p>
      </Explain>
    </>
  )
}
