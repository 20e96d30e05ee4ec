// SPDX-License-Identifier: GPL-3.0-or-later
import type { Connection } from '../chain/connection.ts'
import { account, switchChain } from '../chain/wallet.ts'
import { Action } from '../ui/async.tsx'
import { inert } from '../ui/inert-text.ts'

/** Tells of an endpoint that is gone, and of a wallet on another chain. */
export function ChainNotice({ connection }: { readonly connection: Connection }) {
  const { problem, block } = connection.head.value
  const { chainId, network } = connection.site.deployment
  const connected = account.value
  const source = connection.source.value
  return (
    <>
      {problem !== null && (
        <p class="notice" role="alert">
          The chain does not answer ({inert(problem, 160)}). {block > 0 && `What you see is as of block ${block}. `}The
          page keeps trying.
        </p>
      )}
      {source?.refused && (
        <p class="notice" role="status">
          {inert(source.text, 400)}
        </p>
      )}
      {connected !== null && connected.chainId !== chainId && (
        <p class="notice" role="alert">
          Your wallet is on chain {connected.chainId}; this deployment is on {inert(network)}, chain {chainId}.{' '}
          <Action
            run={async () => {
              await switchChain(connected.wallet, chainId)
              return 'changed'
            }}
          >
            Change the wallet's chain
          </Action>
        </p>
      )}
    </>
  )
}
